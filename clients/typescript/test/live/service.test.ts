/** The client against a live service at `TRADING_AGENTS_URL` whose BTCUSDT stands at 45,000. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { TradingAgentsClient, TradingAgentsError, etagOf, type SignalOutcome } from '@trading-agents/client';

const SECONDS = 20;
const client = new TradingAgentsClient();

const someId = (): string => `client-${randomUUID().slice(0, 8)}`;

async function until<T>(look: () => Promise<T>, isSeen: (seen: T) => boolean): Promise<T> {
  const deadline = performance.now() + SECONDS * 1000;
  for (;;) {
    const seen = await look();
    if (isSeen(seen)) {
      return seen;
    }
    assert(performance.now() < deadline, `not within ${SECONDS} s, last seen: ${JSON.stringify(seen)}`);
    await pause(100);
  }
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

/** A way to the service on which the first answers are lost, after the service has given them. */
async function losingAnswers(test: TestContext, toLose: number): Promise<{ baseUrl: string; lost: number }> {
  const proxy = { baseUrl: '', lost: 0 };
  const server = createServer((request, response) => {
    void (async () => {
      const headers = request.headers as Record<string, string>;
      const body = await text(request);
      const answer = await fetch(`${process.env['TRADING_AGENTS_URL']}${request.url}`, { method: request.method ?? '', headers, body });
      const answered = await answer.text();
      if (proxy.lost < toLose) {
        proxy.lost += 1;
        response.destroy();
        return;
      }
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answered);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close().closeAllConnections());
  proxy.baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

test('an account is opened, trades a signal, and shows its position, metrics and records', async () => {
  const account = someId();
  const started = await client.startAgent(account, 'nova', 1000);
  assert.equal(started.account_id, account);
  assert.equal(started.status, 'running');
  assert.equal(started.opened, true);

  const signal = { symbol: 'BTCUSDT', action: 'buy', confidence: 0.85, price: 45000 } as const;
  const outcome = (await client.sendSignal('nova', signal, { wait: 25 })) as SignalOutcome;
  assert.equal(outcome.decision?.symbol, 'BTCUSDT');
  const held = await client.getPositions('nova', account);
  assert.equal(held.total_positions, 1);
  assert((await client.getPositions('nova')).total_positions >= 1);

  const metrics = await client.getAgentMetrics('nova', account);
  assert.equal(metrics.total_profit - metrics.total_loss, 0);
  const [decision] = await collected(client.listDecisions({ account_id: account, pageSize: 1 }));
  assert.equal(decision?.signal_id, outcome.signal_id);
  const bought = await collected(client.listOrders({ agent: 'nova', symbol: 'BTCUSDT', state: 'filled', pageSize: 1 }));
  assert(bought.some((order) => order.client_order_id === outcome.orders?.[0]?.client_order_id));

  await client.stopAgent('nova', account, { closePositions: true });
  const [trade] = await until(() => collected(client.listAccountTrades(account)), (trades) => trades.length === 1);
  assert.equal(trade?.symbol, 'BTCUSDT');
});

test('many accounts are opened by one call, all or none', async () => {
  const names = [someId(), someId()];
  const accounts = names.map((name) => ({ account_id: name, initial_equity: 100 }));

  const started = await client.startAccounts('orion', accounts);

  assert.equal(started.opened, 2);
  assert.deepEqual(started.restarted, []);
  assert.equal((await client.getAccount(names[1] ?? '')).cash, 100);
  const again = [{ account_id: someId(), initial_equity: 100 }, ...accounts];
  await assert.rejects(client.startAccounts('orion', again), { code: 409 });
});

test('many accounts are started by one call, or none of them', async () => {
  const some = Array.from({ length: 50 }, () => ({ account_id: someId(), initial_equity: 500 }));
  const started = await client.startAccounts('orion', some);
  assert.equal(started.opened, 50);
  const fresh = { account_id: someId(), initial_equity: 500 };
  await assert.rejects(client.startAccounts('orion', [fresh, { account_id: someId(), initial_equity: -1 }]), { code: 422 });
  await assert.rejects(client.getAccount(fresh.account_id), { code: 404 });
});

test('deposits and withdrawals happen once by their reference, and too much is refused with what is free', async () => {
  const account = someId();
  await client.startAgent(account, 'orion', 500);
  const first = await client.depositToAccount(account, 250, 'tx-1');
  assert.deepEqual(await client.depositToAccount(account, 250, 'tx-1'), first);
  assert.equal(first.balance_after, 750);

  await assert.rejects(client.withdrawFromAccount(account, 5000, 'tx-2'), (error: unknown) => {
    assert(error instanceof TradingAgentsError);
    assert.equal(error.code, 409);
    assert.equal((error.body as { free: number }).free, 750);
    return true;
  });
  assert.equal((await client.withdrawFromAccount(account, 200, 'tx-2')).status, 'completed');
  assert.equal((await client.getWithdrawal(account, 'tx-2')).amount, 200);

  const closing = await client.closeAccount(account, 'tx-3');
  assert.equal(closing.kind, 'closing');
  assert.equal((await client.getAccount(account)).balance, 0);
  const flows = await collected(client.listAccountTransactions(account, { pageSize: 1 }));
  assert.deepEqual(flows.map((flow) => [flow.transaction_type, flow.amount]), [
    ['withdrawal', 550],
    ['withdrawal', 200],
    ['deposit', 250],
    ['deposit', 500],
  ]);
});

test('a withdrawal of what is invested sells first, and completes by itself', async () => {
  const account = someId();
  await client.startAgent(account, 'nova', 1000);
  await client.sendSignal('nova', { symbol: 'BTCUSDT', action: 'buy', confidence: 0.85, price: 45000 }, { wait: 25 });
  assert.equal((await client.getPositions('nova', account)).total_positions, 1);
  const { cash } = await client.getAccount(account);
  const asked = await client.withdrawFromAccount(account, Math.round(cash) + 50, 'tx-1', { liquidate: true });
  assert.equal(asked.status, 'pending');
  const paid = await until(() => client.getWithdrawal(account, 'tx-1'), ({ status }) => status !== 'pending');
  assert.equal(paid.status, 'completed');
});

test('a change with the same key is carried out once and answers the same', async () => {
  const account = someId();
  const key = { idempotencyKey: randomUUID() };
  const first = await client.startAgent(account, 'orion', 500, key);
  assert.deepEqual(await client.startAgent(account, 'orion', 500, key), first);
  await assert.rejects(client.startAgent(account, 'orion', 500), { code: 409 });
});

test('a call whose answer is lost on the way is repeated and carried out once', async (t) => {
  const proxy = await losingAnswers(t, 2);
  const account = someId();
  const started = await new TradingAgentsClient({ baseUrl: proxy.baseUrl }).startAgent(account, 'orion', 500);
  assert.equal(proxy.lost, 2);
  assert.equal(started.opened, true);
  assert.equal((await collected(client.listAccountTransactions(account))).length, 1);
});

test('of two operators who saw the same state, the second is told that it has changed', async () => {
  await client.startAgent(someId(), 'orion', 500);
  const seen = await client.getAgentStatus('orion');
  const ifMatch = etagOf(seen);
  assert.notEqual(ifMatch, undefined);
  assert.equal((await client.pauseAgent('orion', undefined, { ifMatch })).status, 'paused');
  await assert.rejects(client.stopAgent('orion', undefined, { ifMatch }), { code: 412 });
  assert.equal((await client.getAgentStatus('orion')).status, 'paused');
  assert.equal((await client.resumeAgent('orion')).status, 'running');
});

test('what is refused says so in the words of the service', async () => {
  await assert.rejects(client.getAgentStatus('nobody'), { code: 404, name: 'TradingAgentsError' });
  await assert.rejects(client.getAccount(someId()), { code: 404 });
  await assert.rejects(client.startAgent(someId(), 'atlas', -5), (error: unknown) => {
    assert(error instanceof TradingAgentsError);
    assert.equal(error.code, 422);
    assert.match(error.message, /^initial_equity: /);
    assert(error.errors !== undefined && 'json' in error.errors);
    return true;
  });
});

test('the switch above all agents turns and turns back', async () => {
  assert.equal((await client.reduceTrading('a drill')).state, 'REDUCING');
  assert.equal((await client.getTradingState()).reason, 'a drill');
  assert.equal((await client.activateTrading('the drill is over')).state, 'ACTIVE');
});

test('health, readiness, profiles, curves and the last reconciliation can be asked for', async () => {
  await client.startAgent(someId(), 'atlas', 500);
  const health = await client.healthCheck();
  assert.equal(health.status, 'up');
  assert(Number(health.agents_running) >= 1);
  assert.equal((await client.readyCheck()).dependencies['database'], 'up');
  assert.equal((await client.getAgentProfile('atlas')).agent, 'atlas');
  assert.deepEqual((await client.listAgents()).map(({ agent }) => agent).sort(), ['atlas', 'nova', 'orion']);
  assert((await client.getAgentEquity('atlas', undefined, { days: 1 })).points !== undefined);
  const { id } = await client.requestReconciliation();
  const run = await until(() => client.getReconciliationRun(id), ({ result }) => result !== null);
  assert.equal(run.result, 'ok');
});
