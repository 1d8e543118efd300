import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { AccountRepository } from '../investment/account.repository.js';
import { AccountService } from '../investment/account.service.js';

@Injectable()
export class FinishOpeningsJob {
  private readonly logger = new Logger(FinishOpeningsJob.name);

  constructor(
    private readonly accountService: AccountService,
    private readonly accounts: AccountRepository,
  ) {}

  /** Settle every opening that got no answer. */
  @Cron(CronExpression.EVERY_MINUTE, { name: 'finish-openings', waitForCompletion: true })
  async finishOpenings(): Promise<void> {
    for (const account of this.accounts.opening()) {
      try {
        await this.accountService.finishOpening(account);
      } catch (error) {
        this.logger.error(`opening of account ${account.id}: ${String(error)}`);
      }
    }
  }
}
