/**
 * What the guide's classes call but leave to the platform: two calls of the client, and the backend's
 * own database, here a map. The guide's files themselves stay as they are.
 */
import { randomUUID } from 'node:crypto';
import { SyncTradingPerformanceJob } from '../backend/src/jobs/sync-trading-performance.job';
import { AccountService } from '../backend/src/modules/investment/services/account.service';
import { TradingAgentsClient } from '../backend/src/services/trading-agents.client';

export interface PlatformAccount {
  id: string;
  user_id: string;
  product_id: string;
  current_balance: number;
  metrics?: any;
}

export const accounts = new Map<string, PlatformAccount>();

declare module '../backend/src/services/trading-agents.client' {
  interface TradingAgentsClient {
    sendSignal(agentType: string, signal: object): Promise<any>;
    healthCheck(): Promise<any>;
  }
}

declare module '../backend/src/modules/investment/services/account.service' {
  interface AccountService {
    createAccountRecord(userId: string, productId: string, initialDeposit: number): Promise<PlatformAccount>;
    findAccountById(accountId: string): Promise<PlatformAccount>;
  }
}

declare module '../backend/src/jobs/sync-trading-performance.job' {
  interface SyncTradingPerformanceJob {
    getActiveAccounts(): Promise<PlatformAccount[]>;
    getAgentType(productId: string): string;
    updateAccountMetrics(accountId: string, metrics: any): Promise<void>;
  }
}

TradingAgentsClient.prototype.sendSignal = async function (agentType, signal) {
  const response = await this['client'].post(`/agents/${agentType}/signals`, signal);
  return response.data;
};

TradingAgentsClient.prototype.healthCheck = async function () {
  const response = await this['client'].get('/health');
  return response.data;
};

AccountService.prototype.createAccountRecord = async (userId, productId, initialDeposit) => {
  const account = { id: randomUUID(), user_id: userId, product_id: productId, current_balance: initialDeposit };
  accounts.set(account.id, account);
  return account;
};

AccountService.prototype.findAccountById = async (accountId) => accounts.get(accountId);

SyncTradingPerformanceJob.prototype.getActiveAccounts = async () => [...accounts.values()];
SyncTradingPerformanceJob.prototype.getAgentType = (productId) => productId.split('-')[0];
SyncTradingPerformanceJob.prototype.updateAccountMetrics = async (accountId, metrics) => {
  accounts.get(accountId).metrics = metrics;
};
