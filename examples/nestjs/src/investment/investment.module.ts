import { Module } from '@nestjs/common';
import { TradingAgentsModule } from '../trading-agents/trading-agents.module.js';
import { AccountRepository } from './account.repository.js';
import { AccountService } from './account.service.js';
import { InvestmentController } from './investment.controller.js';

@Module({
  imports: [TradingAgentsModule],
  controllers: [InvestmentController],
  providers: [AccountRepository, AccountService],
  exports: [AccountRepository, AccountService],
})
export class InvestmentModule {}
