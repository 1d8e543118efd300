import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { TradingAgentsClient } from '@trading-agents/client';

/** A probe must answer before whoever probes gives up. */
const PATIENCE = 3_000;

@Injectable()
export class TradingAgentsHealthIndicator {
  constructor(
    private readonly tradingAgentsClient: TradingAgentsClient,
    private readonly healthIndicatorService: HealthIndicatorService,
  ) {}

  async isHealthy(key: string): Promise<HealthIndicatorResult> {
    const indicator = this.healthIndicatorService.check(key);
    try {
      const { agents_running } = await this.tradingAgentsClient.healthCheck({ timeout: PATIENCE });
      return indicator.up({ agents_running });
    } catch (error) {
      return indicator.down({ message: error instanceof Error ? error.message : String(error) });
    }
  }
}
