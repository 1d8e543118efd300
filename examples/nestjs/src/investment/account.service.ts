import { Injectable, NotFoundException } from '@nestjs/common';
import { TradingAgentsClient, TradingAgentsError } from '@trading-agents/client';
import { AccountRepository, type InvestmentAccount } from './account.repository.js';
import { agentTypeOf } from './products.js';

export interface AccountPerformance {
  account_id: string;
  current_balance: number;
  total_return: number;
  win_rate: number;
  total_trades: number;
  current_drawdown: number;
}

@Injectable()
export class AccountService {
  constructor(
    private readonly tradingAgentsClient: TradingAgentsClient,
    private readonly accounts: AccountRepository,
  ) {}

  /** Open an account and start the agent of its product for it. */
  async openAccount(userId: string, productId: string, initialDeposit: number): Promise<InvestmentAccount> {
    const account = this.accounts.create(userId, productId, initialDeposit);
    await this.start(account);
    return account;
  }

  /** Settle an opening that got no answer: what arrived is open, the rest is asked for again. */
  async finishOpening(account: InvestmentAccount): Promise<void> {
    if (await this.isKnown(account)) {
      account.status = 'open';
    } else {
      await this.start(account);
    }
  }

  private async start(account: InvestmentAccount): Promise<void> {
    try {
      // A key of our own: whatever happens to this process, the same call can be made again and happens once.
      const idempotencyKey = `open-${account.id}`;
      const agentType = agentTypeOf(account.product_id);
      await this.tradingAgentsClient.startAgent(account.id, agentType, account.current_balance, { idempotencyKey });
    } catch (error) {
      // Refused: nothing was opened. No answer: it may be open, and the account stays until that is known.
      if (error instanceof TradingAgentsError && !error.isOutcomeUnknown) {
        this.accounts.remove(account.id);
      }
      throw error;
    }
    account.status = 'open';
  }

  private async isKnown(account: InvestmentAccount): Promise<boolean> {
    try {
      await this.tradingAgentsClient.getAccount(account.id);
      return true;
    } catch (error) {
      if (error instanceof TradingAgentsError && error.code === 404) {
        return false;
      }
      throw error;
    }
  }

  async getAccountPerformance(accountId: string): Promise<AccountPerformance> {
    const account = this.accounts.find(accountId);
    if (account === undefined) {
      throw new NotFoundException(`there is no account ${accountId}`);
    }
    const metrics = await this.tradingAgentsClient.getAgentMetrics(agentTypeOf(account.product_id), accountId);
    return {
      account_id: accountId,
      current_balance: account.current_balance,
      total_return: metrics.total_profit - metrics.total_loss,
      win_rate: metrics.win_rate,
      total_trades: metrics.total_trades,
      current_drawdown: metrics.current_drawdown,
    };
  }
}
