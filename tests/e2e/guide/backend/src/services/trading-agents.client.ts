// backend/src/services/trading-agents.client.ts

import axios, { AxiosInstance } from 'axios';

export class TradingAgentsClient {
  private client: AxiosInstance;

  constructor() {
    this.client = axios.create({
      baseURL: process.env.TRADING_AGENTS_URL || 'http://trading-agents:8003',
      timeout: 30000,
      headers: {
        'Content-Type': 'application/json',
      },
    });
  }

  /**
   * Iniciar agente para una cuenta de inversión
   */
  async startAgent(accountId: string, agentType: string, initialEquity: number) {
    const response = await this.client.post(`/agents/${agentType}/start`, {
      agent_name: agentType,
      initial_equity: initialEquity,
    });

    return response.data;
  }

  /**
   * Obtener estado del agente
   */
  async getAgentStatus(agentType: string) {
    const response = await this.client.get(`/agents/${agentType}/status`);
    return response.data;
  }

  /**
   * Obtener métricas del agente
   */
  async getAgentMetrics(agentType: string) {
    const response = await this.client.get(`/agents/${agentType}/metrics`);
    return response.data;
  }

  /**
   * Pausar agente
   */
  async pauseAgent(agentType: string) {
    const response = await this.client.post(`/agents/${agentType}/pause`);
    return response.data;
  }

  /**
   * Reanudar agente
   */
  async resumeAgent(agentType: string) {
    const response = await this.client.post(`/agents/${agentType}/resume`);
    return response.data;
  }

  /**
   * Detener agente
   */
  async stopAgent(agentType: string) {
    const response = await this.client.post(`/agents/${agentType}/stop`);
    return response.data;
  }

  /**
   * Obtener posiciones abiertas
   */
  async getPositions(agentType: string) {
    const response = await this.client.get(`/agents/${agentType}/positions`);
    return response.data;
  }
}
