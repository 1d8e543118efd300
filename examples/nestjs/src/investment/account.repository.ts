import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Metrics } from '@trading-agents/client';

export interface InvestmentAccount {
  id: string;
  user_id: string;
  product_id: string;
  current_balance: number;
  /** `opening` until it is known that its agent runs. */
  status: 'opening' | 'open';
  /** What its agent last said about it. */
  agent_status?: string;
  metrics?: Metrics;
}

/** Stands for the platform's own database. */
@Injectable()
export class AccountRepository {
  private readonly accounts = new Map<string, InvestmentAccount>();

  create(userId: string, productId: string, initialDeposit: number): InvestmentAccount {
    const account: InvestmentAccount = {
      id: randomUUID(),
      user_id: userId,
      product_id: productId,
      current_balance: initialDeposit,
      status: 'opening',
    };
    this.accounts.set(account.id, account);
    return account;
  }

  find(accountId: string): InvestmentAccount | undefined {
    return this.accounts.get(accountId);
  }

  active(): InvestmentAccount[] {
    return [...this.accounts.values()].filter((account) => account.status === 'open');
  }

  opening(): InvestmentAccount[] {
    return [...this.accounts.values()].filter((account) => account.status === 'opening');
  }

  remove(accountId: string): void {
    this.accounts.delete(accountId);
  }
}
