// backend/src/health/trading-agents.health.ts

import { Injectable } from '@nestjs/common';
import { HealthIndicator, HealthIndicatorResult } from '@nestjs/terminus';
import { TradingAgentsClient } from '../services/trading-agents.client';

@Injectable()
export class TradingAgentsHealthIndicator extends HealthIndicator {
  constructor(
    private tradingAgentsClient: TradingAgentsClient,
  ) {
    super();
  }

  async isHealthy(key: string): Promise<HealthIndicatorResult> {
    try {
      const response = await this.tradingAgentsClient.healthCheck();

      return this.getStatus(key, true, {
        status: 'up',
        agents_running: response.agents_running
      });
    } catch (error) {
      return this.getStatus(key, false, {
        status: 'down',
        message: error.message
      });
    }
  }
}
