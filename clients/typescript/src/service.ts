import { Calls } from './calls.js';
import type * as Api from './types.js';
import type { CallOptions, ChangeOptions } from './transport.js';

export interface SubscriptionOptions extends ChangeOptions {
  /** Which kinds of events; all if left out. */
  events?: Api.EventKind[] | undefined;
  /** What signs; made up if left out. */
  secret?: string | undefined;
}

/** The calls about the service as a whole, those for operators included. */
export class ServiceCalls extends Calls {
  /** How the switch above all agents stands. */
  getTradingState(options?: CallOptions): Promise<Api.TradingSwitch> {
    return this.get('/trading', {}, options);
  }

  /** No orders at all. */
  haltTrading(reason: string, options?: ChangeOptions): Promise<Api.TradingSwitch> {
    return this.post('/trading/halt', {}, { ...options, body: { reason } });
  }

  /** Exits only. */
  reduceTrading(reason: string, options?: ChangeOptions): Promise<Api.TradingSwitch> {
    return this.post('/trading/reduce', {}, { ...options, body: { reason } });
  }

  activateTrading(reason: string, options?: ChangeOptions): Promise<Api.TradingSwitch> {
    return this.post('/trading/activate', {}, { ...options, body: { reason } });
  }

  /** Let all agents enter again after losses of the whole service. */
  resetServiceBreakers(options?: ChangeOptions): Promise<Api.ServiceBreakersReset> {
    return this.post('/trading/breakers/reset', {}, options);
  }

  /** The last comparison of the book with the exchange, and every difference that stands. */
  getReconciliation(options?: CallOptions): Promise<Api.Reconciliation> {
    return this.get('/reconciliation', {}, options);
  }

  /** Compare now; `full` from the book's beginning. */
  requestReconciliation(full = false, options?: ChangeOptions): Promise<Api.ReconciliationRequested> {
    return this.post('/reconciliation', {}, { ...options, body: { full } });
  }

  getReconciliationRun(runId: number, options?: CallOptions): Promise<Api.ReconciliationRun> {
    return this.get('/reconciliation/{run_id}', { run_id: runId }, options);
  }

  /** The process answers, and so many agents run. */
  healthCheck(options?: CallOptions): Promise<Api.Health> {
    return this.get('/health', {}, options);
  }

  /** Whether everything the service needs answers, each by name; also the answer "not ready" is one. */
  readyCheck(options?: CallOptions): Promise<Api.Readiness> {
    return this.get('/ready', {}, { ...options, answers: [503] });
  }

  // Events

  /** What happened, the newest first; with `after`, a `position`, what came after it, the oldest first: for catching up. */
  listEvents(filter: Api.EventFilter = {}): AsyncGenerator<Api.FeedEvent, void, undefined> {
    return this.list('/events', {}, filter);
  }

  /** Have events delivered to a URL; all kinds if none are named. The secret that signs them is told only here. */
  createSubscription(url: string, options: SubscriptionOptions = {}): Promise<Api.SubscriptionWithSecret> {
    const { events, secret, ...rest } = options;
    return this.post('/subscriptions', {}, { ...rest, body: { url, events, secret } });
  }

  listSubscriptions(filter: Api.SubscriptionFilter = {}): AsyncGenerator<Api.Subscription, void, undefined> {
    return this.list('/subscriptions', {}, filter);
  }

  getSubscription(subscriptionId: string, options?: CallOptions): Promise<Api.Subscription> {
    return this.get('/subscriptions/{subscription_id}', { subscription_id: subscriptionId }, options);
  }

  /** Deliver nothing more to it. */
  endSubscription(subscriptionId: string, options?: ChangeOptions): Promise<Api.Subscription> {
    return this.post('/subscriptions/{subscription_id}/end', { subscription_id: subscriptionId }, options);
  }

  /** A new secret, made up if none is given; for a day the old one signs too. */
  rotateSubscriptionSecret(subscriptionId: string, secret?: string, options?: ChangeOptions): Promise<Api.SubscriptionWithSecret> {
    const names = { subscription_id: subscriptionId };
    return this.post('/subscriptions/{subscription_id}/rotate-secret', names, { ...options, body: { secret } });
  }

  listDeliveries(subscriptionId: string, filter: Api.DeliveryFilter = {}): AsyncGenerator<Api.Delivery, void, undefined> {
    return this.list('/subscriptions/{subscription_id}/deliveries', { subscription_id: subscriptionId }, filter);
  }

  /** Deliver an event once more. */
  replayDelivery(subscriptionId: string, eventId: string, options?: ChangeOptions): Promise<Api.Delivery> {
    const names = { subscription_id: subscriptionId, event_id: eventId };
    return this.post('/subscriptions/{subscription_id}/deliveries/{event_id}/replay', names, options);
  }

  /** Who changed what, with the state before and after. */
  listAuditLog(filter: Api.AuditFilter = {}): AsyncGenerator<Api.AuditEntry, void, undefined> {
    return this.list('/audit', {}, filter);
  }
}
