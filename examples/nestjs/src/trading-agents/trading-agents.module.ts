import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { TradingAgentsClient } from '@trading-agents/client';
import { TradingAgentsHealthIndicator } from './trading-agents.health.js';

/** The client, configured by `TRADING_AGENTS_URL` and `TRADING_AGENTS_TOKEN`, and the health of what it calls. */
@Module({
  imports: [TerminusModule],
  providers: [{ provide: TradingAgentsClient, useFactory: () => new TradingAgentsClient() }, TradingAgentsHealthIndicator],
  exports: [TradingAgentsClient, TradingAgentsHealthIndicator],
})
export class TradingAgentsModule {}
