// backend/src/jobs/sync-trading-performance.job.ts

import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { TradingAgentsClient } from '../services/trading-agents.client';

@Injectable()
export class SyncTradingPerformanceJob {
  constructor(
    private tradingAgentsClient: TradingAgentsClient,
  ) {}

  @Cron('0 0 * * *') // Diariamente a medianoche
  async syncPerformance() {
    // Obtener todas las cuentas activas con agentes
    const accounts = await this.getActiveAccounts();

    for (const account of accounts) {
      const agentType = this.getAgentType(account.product_id);

      // Obtener métricas del agente
      const metrics = await this.tradingAgentsClient.getAgentMetrics(agentType);

      // Actualizar en DB
      await this.updateAccountMetrics(account.id, metrics);
    }
  }
}
