import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { HealthModule } from './health/health.module.js';
import { InvestmentModule } from './investment/investment.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { EventsController } from './trading-agents/events.controller.js';
import { RefusalFilter } from './trading-agents/refusal.filter.js';

@Module({
  imports: [InvestmentModule, HealthModule, JobsModule],
  controllers: [EventsController],
  providers: [{ provide: APP_FILTER, useClass: RefusalFilter }],
})
export class AppModule {}
