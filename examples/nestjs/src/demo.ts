/** The backend at work against a live service: an account is opened, trades, is looked at, and is sold again. */
import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { HealthIndicatorService } from '@nestjs/terminus';
import { TradingAgentsClient } from '@trading-agents/client';
import { AppModule } from './app.module.js';
import { AccountRepository, type InvestmentAccount } from './investment/account.repository.js';
import { FinishOpeningsJob } from './jobs/finish-openings.job.js';
import { SyncTradingPerformanceJob } from './jobs/sync-trading-performance.job.js';
import { TradingAgentsHealthIndicator } from './trading-agents/trading-agents.health.js';

const app = await NestFactory.create(AppModule, { rawBody: true, logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
const backend = await app.getUrl();
const client = app.get(TradingAgentsClient);

function tell(what: string, seen: unknown): void {
  console.log(`${what}: ${JSON.stringify(seen)}`);
}

async function open(initialDeposit: number): Promise<Response> {
  return fetch(`${backend}/investment/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: 'user-1', product_id: 'nova-aggressive', initial_deposit: initialDeposit }),
  });
}

/** What BTCUSDT cost when an agent last looked; a signal too far from the market is not traded. */
async function marketPrice(): Promise<number> {
  for await (const { ask } of client.listDecisions({ agent: 'nova', symbol: 'BTCUSDT', pageSize: 10 })) {
    if (ask !== null) {
      return ask;
    }
  }
  return 45_000;
}

async function until(isSo: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 20_000;
  while (!isSo() && Date.now() < deadline) {
    await pause(50);
  }
  return isSo();
}

const subscription = await client.createSubscription(`${backend}/trading-agents/events`, { events: ['agent.state_changed'] });
process.env['TRADING_AGENTS_EVENTS_SECRET'] = subscription.secret;

const opened = await open(1000);
const account = (await opened.json()) as InvestmentAccount;
tell('account opened', { http: opened.status, status: account.status, balance: account.current_balance });

const refused = await open(-5);
tell('account refused', { http: refused.status, message: ((await refused.json()) as { message: string }).message });

const { status } = await client.getAgentStatus('nova', account.id);
tell('agent status', status);

const signal = { symbol: 'BTCUSDT', action: 'buy', confidence: 0.85, price: await marketPrice() } as const;
const outcome = await client.sendSignal('nova', signal, { wait: 25 });
tell('signal', 'decision' in outcome ? outcome.decision.code : outcome.status);

const { positions } = await client.getPositions('nova', account.id);
tell('positions', positions.map(({ symbol, side, quantity }) => ({ symbol, side, quantity })));

const health = await fetch(`${backend}/health`);
tell('health', { http: health.status, ...((await health.json()) as { details: object }).details });

const nowhere = new TradingAgentsClient({ baseUrl: 'http://127.0.0.1:59999' });
const indicator = new TradingAgentsHealthIndicator(nowhere, app.get(HealthIndicatorService, { strict: false }));
tell('health of a service that is down', await indicator.isHealthy('trading-agents'));

const performance = await fetch(`${backend}/investment/accounts/${account.id}/performance`);
tell('performance', { ...((await performance.json()) as object), account_id: undefined });

const next = app.get(SchedulerRegistry).getCronJob('sync-trading-performance').nextDate();
tell('nightly job', { next: next.toUTC().toFormat('HH:mm'), synced: await app.get(SyncTradingPerformanceJob).syncPerformance() });
const metrics = app.get(AccountRepository).find(account.id)?.metrics;
tell('metrics kept', { total_trades: metrics?.total_trades, open_positions: metrics?.open_positions });

const unanswered = app.get(AccountRepository).create('user-2', 'nova-aggressive', 500);
await app.get(FinishOpeningsJob).finishOpenings();
tell('opening finished that got no answer', unanswered.status);
await client.closeAccount(unanswered.id, 'demo-over');

const stopped = await client.stopAgent('nova', account.id, { closePositions: true });
tell('account stopped', stopped.status);

const kept = app.get(AccountRepository).find(account.id);
tell('event received', (await until(() => kept?.agent_status === 'stopped')) && kept?.agent_status);
const forged = await fetch(`${backend}/trading-agents/events`, { method: 'POST', body: '{}' });
tell('forged event', { http: forged.status });

await client.endSubscription(subscription.id);
await app.close();
