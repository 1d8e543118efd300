import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { InvestmentModule } from '../investment/investment.module.js';
import { TradingAgentsModule } from '../trading-agents/trading-agents.module.js';
import { FinishOpeningsJob } from './finish-openings.job.js';
import { SyncTradingPerformanceJob } from './sync-trading-performance.job.js';

@Module({
  imports: [ScheduleModule.forRoot(), TradingAgentsModule, InvestmentModule],
  providers: [FinishOpeningsJob, SyncTradingPerformanceJob],
})
export class JobsModule {}
