import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import type { InvestmentAccount } from './account.repository.js';
import { AccountService, type AccountPerformance } from './account.service.js';

interface OpeningRequest {
  user_id: string;
  product_id: string;
  initial_deposit: number;
}

@Controller('investment/accounts')
export class InvestmentController {
  constructor(private readonly accountService: AccountService) {}

  @Post()
  open(@Body() request: OpeningRequest): Promise<InvestmentAccount> {
    return this.accountService.openAccount(request.user_id, request.product_id, request.initial_deposit);
  }

  @Get(':id/performance')
  performance(@Param('id') accountId: string): Promise<AccountPerformance> {
    return this.accountService.getAccountPerformance(accountId);
  }
}
