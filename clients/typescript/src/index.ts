export { TradingAgentsClient } from './client.js';
export type { EquityOptions, SignalOptions, StartOptions, StopOptions, WithdrawOptions } from './client.js';
export { TradingAgentsError } from './errors.js';
export type { FieldErrors } from './errors.js';
export { etagOf } from './transport.js';
export type { CallOptions, ChangeOptions, ClientOptions, Token } from './transport.js';
export type * from './types.js';
export type { components, paths } from './openapi.js';
