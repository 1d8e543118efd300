import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { TradingAgentsClient } from '@trading-agents/client';
import { AccountRepository } from '../investment/account.repository.js';
import { agentTypeOf } from '../investment/products.js';

@Injectable()
export class SyncTradingPerformanceJob {
  private readonly logger = new Logger(SyncTradingPerformanceJob.name);

  constructor(
    private readonly tradingAgentsClient: TradingAgentsClient,
    private readonly accounts: AccountRepository,
  ) {}

  /** Keep every account's metrics; one that fails does not keep the others from being done. */
  @Cron(CronExpression.EVERY_DAY_AT_MIDNIGHT, { name: 'sync-trading-performance', timeZone: 'UTC', waitForCompletion: true })
  async syncPerformance(): Promise<number> {
    let synced = 0;
    for (const account of this.accounts.active()) {
      try {
        account.metrics = await this.tradingAgentsClient.getAgentMetrics(agentTypeOf(account.product_id), account.id);
        synced += 1;
      } catch (error) {
        this.logger.error(`metrics of account ${account.id}: ${String(error)}`);
      }
    }
    return synced;
  }
}
