// backend/src/modules/investment/services/account.service.ts

import { Injectable } from '@nestjs/common';
import { TradingAgentsClient } from '../../../services/trading-agents.client';

@Injectable()
export class AccountService {
  constructor(
    private tradingAgentsClient: TradingAgentsClient,
  ) {}

  async openAccount(userId: string, productId: string, initialDeposit: number) {
    // 1. Crear cuenta en DB
    const account = await this.createAccountRecord(userId, productId, initialDeposit);

    // 2. Determinar tipo de agente según producto
    const agentType = this.getAgentTypeByProduct(productId);

    // 3. Iniciar agente
    await this.tradingAgentsClient.startAgent(
      account.id,
      agentType,
      initialDeposit
    );

    return account;
  }

  async getAccountPerformance(accountId: string) {
    const account = await this.findAccountById(accountId);
    const agentType = this.getAgentTypeByProduct(account.product_id);

    // Obtener métricas del agente
    const metrics = await this.tradingAgentsClient.getAgentMetrics(agentType);

    return {
      account_id: accountId,
      current_balance: account.current_balance,
      total_return: metrics.total_profit - metrics.total_loss,
      win_rate: metrics.win_rate,
      total_trades: metrics.total_trades,
      current_drawdown: metrics.current_drawdown,
    };
  }

  private getAgentTypeByProduct(productId: string): string {
    // Mapear producto a agente
    // Atlas: productos conservadores
    // Orion: productos moderados
    // Nova: productos agresivos
    // Implementar lógica según tu DB
    return 'atlas'; // placeholder
  }
}
