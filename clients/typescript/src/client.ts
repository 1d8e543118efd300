import { ServiceCalls } from './service.js';
import type * as Api from './types.js';
import type { CallOptions, ChangeOptions, ClientOptions } from './transport.js';

export interface StartOptions extends ChangeOptions {
  /** Symbols to trade; all of the agent's profile if left out. */
  symbols?: string[] | undefined;
}

export interface StopOptions extends ChangeOptions {
  /** Have the agent's next ticks sell all that is held. */
  closePositions?: boolean | undefined;
}

export interface SignalOptions extends ChangeOptions {
  /** Seconds to wait for the outcome, 0 to 25; 10 if left out. */
  wait?: number | undefined;
}

export interface WithdrawOptions extends ChangeOptions {
  /** Have the agent's next ticks sell what is needed first. */
  liquidate?: boolean | undefined;
}

export interface EquityOptions extends CallOptions {
  /** Daily closes at most, the newest; 90 if left out. */
  days?: number | undefined;
}

/**
 * The control API of Trading Agents. Methods that the platform's guide names are called as there and take what they
 * take there, the others are called as in the OpenAPI document.
 *
 * Where an `accountId` is optional, the call is about the agent as a whole without it. Every call throws
 * `TradingAgentsError` if it is refused or gets no answer.
 */
export class TradingAgentsClient extends ServiceCalls {
  /** @param options - where the service is, the token, and how patient to be; from the environment where left out. */
  constructor(options: ClientOptions = {}) {
    super(options);
  }

  // Agents

  /** All agents, those never started too. */
  async listAgents(options?: CallOptions): Promise<Api.Standing[]> {
    return (await this.get('/agents', {}, options)).items ?? [];
  }

  /** Start an agent for an account, which is opened if it is new; `null` for the agent's own house account. */
  startAgent(accountId: string | null, agentType: string, initialEquity: number, options: StartOptions = {}): Promise<Api.Started> {
    const { symbols, ...rest } = options;
    const body = { agent_name: agentType, initial_equity: initialEquity, account_id: accountId ?? undefined, symbols };
    return this.post('/agents/{agent}/start', { agent: agentType }, { ...rest, body });
  }

  /** Start an agent for up to 10,000 accounts, all or none; new ones are opened with their `initial_equity`. */
  startAccounts(agentType: string, accounts: Api.AccountOpening[], options: StartOptions = {}): Promise<Api.StartedAccounts> {
    const { symbols, ...rest } = options;
    return this.post('/agents/{agent}/accounts', { agent: agentType }, { ...rest, body: { accounts, symbols } });
  }

  getAgentStatus(agentType: string, accountId?: string, options?: CallOptions): Promise<Api.Standing> {
    return this.get('/agents/{agent}/status', { agent: agentType }, { ...options, query: { account_id: accountId } });
  }

  getAgentMetrics(agentType: string, accountId?: string, options?: CallOptions): Promise<Api.Metrics> {
    return this.get('/agents/{agent}/metrics', { agent: agentType }, { ...options, query: { account_id: accountId } });
  }

  /** Open no more positions; exits still run. */
  pauseAgent(agentType: string, accountId?: string, options?: ChangeOptions): Promise<Api.Controlled> {
    return this.post('/agents/{agent}/pause', { agent: agentType }, { ...options, body: { account_id: accountId } });
  }

  resumeAgent(agentType: string, accountId?: string, options?: ChangeOptions): Promise<Api.Controlled> {
    return this.post('/agents/{agent}/resume', { agent: agentType }, { ...options, body: { account_id: accountId } });
  }

  /** Trade no more. Positions stay unless `closePositions` is given. */
  stopAgent(agentType: string, accountId?: string, options: StopOptions = {}): Promise<Api.Controlled> {
    const { closePositions, ...rest } = options;
    const body = { account_id: accountId, close_positions: closePositions };
    return this.post('/agents/{agent}/stop', { agent: agentType }, { ...rest, body });
  }

  getPositions(agentType: string, accountId?: string, options?: CallOptions): Promise<Api.Positions> {
    return this.get('/agents/{agent}/positions', { agent: agentType }, { ...options, query: { account_id: accountId } });
  }

  /**
   * Have an agent decide on a signal.
   *
   * @returns the decision with its orders or, if there is none yet when the wait is over, where it will be (`status_url`).
   */
  sendSignal(agentType: string, signal: Api.Signal, options: SignalOptions = {}): Promise<Api.SignalOutcome | Api.SignalPending> {
    const { wait, ...rest } = options;
    return this.post('/agents/{agent}/signals', { agent: agentType }, { ...rest, body: signal, query: { wait } });
  }

  /** Every limit of an agent's risk profile. */
  getAgentProfile(agentType: string, options?: CallOptions): Promise<Api.Profile> {
    return this.get('/agents/{agent}/profile', { agent: agentType }, options);
  }

  getAgentEquity(agentType: string, accountId?: string, options: EquityOptions = {}): Promise<Api.EquityCurve> {
    const { days, ...rest } = options;
    return this.get('/agents/{agent}/equity', { agent: agentType }, { ...rest, query: { account_id: accountId, days } });
  }

  /** Let an agent with all its accounts, or one account, enter again after losses that tripped a breaker. */
  resetAgentBreakers(agentType: string, accountId?: string, options?: ChangeOptions): Promise<Api.BreakersReset> {
    return this.post('/agents/{agent}/breakers/reset', { agent: agentType }, { ...options, body: { account_id: accountId } });
  }

  // Accounts

  getAccount(accountId: string, options?: CallOptions): Promise<Api.Account> {
    return this.get('/accounts/{account_id}', { account_id: accountId }, options);
  }

  /** Book money that came in; the same reference again changes nothing. */
  depositToAccount(accountId: string, amount: number, referenceId: string, options?: ChangeOptions): Promise<Api.Deposit> {
    const body = { amount, reference_id: referenceId };
    return this.post('/accounts/{account_id}/deposits', { account_id: accountId }, { ...options, body });
  }

  /** Pay out; the same reference again changes nothing. With `liquidate` it may be `pending` first. */
  withdrawFromAccount(accountId: string, amount: number, referenceId: string, options: WithdrawOptions = {}): Promise<Api.Withdrawal> {
    const { liquidate, ...rest } = options;
    const body = { amount, reference_id: referenceId, liquidate };
    return this.post('/accounts/{account_id}/withdrawals', { account_id: accountId }, { ...rest, body });
  }

  getWithdrawal(accountId: string, referenceId: string, options?: CallOptions): Promise<Api.Withdrawal> {
    const names = { account_id: accountId, reference_id: referenceId };
    return this.get('/accounts/{account_id}/withdrawals/{reference_id}', names, options);
  }

  /** Stop an account, sell all it holds, pay out everything, and never use it again. */
  closeAccount(accountId: string, referenceId: string, options?: ChangeOptions): Promise<Api.Withdrawal> {
    const body = { reference_id: referenceId };
    return this.post('/accounts/{account_id}/close', { account_id: accountId }, { ...options, body });
  }

  getAccountEquity(accountId: string, options: EquityOptions = {}): Promise<Api.EquityCurve> {
    const { days, ...rest } = options;
    return this.get('/accounts/{account_id}/equity', { account_id: accountId }, { ...rest, query: { days } });
  }

  // Lists, the newest first

  listAccounts(filter: Api.AccountFilter = {}): AsyncGenerator<Api.Account, void, undefined> {
    return this.list('/accounts', {}, filter);
  }

  listAccountTransactions(accountId: string, filter: Api.TransactionFilter = {}): AsyncGenerator<Api.Transaction, void, undefined> {
    return this.list('/accounts/{account_id}/transactions', { account_id: accountId }, filter);
  }

  listWithdrawals(accountId: string, filter: Api.WithdrawalFilter = {}): AsyncGenerator<Api.Withdrawal, void, undefined> {
    return this.list('/accounts/{account_id}/withdrawals', { account_id: accountId }, filter);
  }

  listAccountTrades(accountId: string, filter: Api.AccountTradeFilter = {}): AsyncGenerator<Api.Trade, void, undefined> {
    return this.list('/accounts/{account_id}/trades', { account_id: accountId }, filter);
  }

  listAccountPerformance(accountId: string, filter: Api.PerformanceFilter = {}): AsyncGenerator<Api.Snapshot, void, undefined> {
    return this.list('/accounts/{account_id}/performance', { account_id: accountId }, filter);
  }

  /** What agents did about signals, and why. */
  listDecisions(filter: Api.DecisionFilter = {}): AsyncGenerator<Api.Decision, void, undefined> {
    return this.list('/decisions', {}, filter);
  }

  listOrders(filter: Api.OrderFilter = {}): AsyncGenerator<Api.Order, void, undefined> {
    return this.list('/orders', {}, filter);
  }

  listTrades(filter: Api.TradeFilter = {}): AsyncGenerator<Api.Trade, void, undefined> {
    return this.list('/trades', {}, filter);
  }
}
