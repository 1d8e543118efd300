/** What calls take and answer, by the names of the OpenAPI document. */
import type { AnswerOf, BodyOf, QueryOf } from './contract.js';
import type { components } from './openapi.js';

type Schemas = components['schemas'];

export type Standing = Schemas['Standing'];
export type Started = Schemas['StartAnswer'];
export type AccountOpening = Schemas['AccountOpening'];
export type StartedAccounts = Schemas['AccountsAnswer'];
export type Controlled = Schemas['ControlAnswer'];
export type BreakersReset = Schemas['ResetAnswer'];
export type Breaker = Schemas['Breaker'];
export type Profile = Schemas['Profile'];
export type Metrics = Schemas['Metrics'];
export type EquityCurve = Schemas['Equity'];
export type Position = Schemas['Position'];
export type Positions = Schemas['Positions'];

export type Signal = BodyOf<'post', '/agents/{agent}/signals'>;
export type SignalOutcome = Schemas['SignalOutcome'];
export type SignalPending = Schemas['SignalPending'];

export type Account = Schemas['Account'];
export type Deposit = Schemas['DepositAnswer'];
export type Withdrawal = Schemas['Withdrawal'];
export type Transaction = Schemas['Transaction'];
export type Snapshot = Schemas['Snapshot'];
export type Decision = Schemas['Decision'];
export type Order = Schemas['Order'];
export type Trade = Schemas['Trade'];

export type TradingSwitch = AnswerOf<'get', '/trading'>;
export type ServiceBreakersReset = Schemas['ServiceResetAnswer'];
export type Reconciliation = AnswerOf<'get', '/reconciliation'>;
export type ReconciliationRun = AnswerOf<'get', '/reconciliation/{run_id}'>;
export type ReconciliationRequested = AnswerOf<'post', '/reconciliation'>;
export type FeedEvent = Schemas['Event'];
export type EventKind = NonNullable<BodyOf<'post', '/subscriptions'>['events']>[number];
export type Subscription = Schemas['Subscription'];
export type SubscriptionWithSecret = Schemas['SubscriptionWithSecret'];
export type Delivery = Schemas['Delivery'];
export type AuditEntry = Schemas['AuditEntry'];
export type Health = Schemas['Health'];
export type Readiness = Schemas['Readiness'];

/** What to keep of a list; `pageSize` is how much one request fetches, 1 to 500. */
type Filter<Query> = Omit<Query, 'cursor' | 'limit'> & { pageSize?: number | undefined };

export type AccountFilter = Filter<QueryOf<'get', '/accounts'>>;
export type DecisionFilter = Filter<QueryOf<'get', '/decisions'>>;
export type OrderFilter = Filter<QueryOf<'get', '/orders'>>;
export type TradeFilter = Filter<QueryOf<'get', '/trades'>>;
export type AccountTradeFilter = Filter<QueryOf<'get', '/accounts/{account_id}/trades'>>;
export type TransactionFilter = Filter<QueryOf<'get', '/accounts/{account_id}/transactions'>>;
export type PerformanceFilter = Filter<QueryOf<'get', '/accounts/{account_id}/performance'>>;
export type WithdrawalFilter = Filter<QueryOf<'get', '/accounts/{account_id}/withdrawals'>>;
export type AuditFilter = Filter<QueryOf<'get', '/audit'>>;
export type EventFilter = Filter<QueryOf<'get', '/events'>>;
export type SubscriptionFilter = Filter<QueryOf<'get', '/subscriptions'>>;
export type DeliveryFilter = Filter<QueryOf<'get', '/subscriptions/{subscription_id}/deliveries'>>;
