import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { TradingAgentsClient, TradingAgentsError, etagOf } from '@trading-agents/client';
import { answering, hangUp, json, silence } from './server.ts';

const RUNNING = { agent: 'atlas', account_id: 'alice', status: 'running', equity: 1000 };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("the guide's call to start an agent reaches the account that it names", async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING));
  const started = await new TradingAgentsClient({ baseUrl }).startAgent('alice', 'atlas', 1000);
  assert.deepEqual(started, RUNNING);
  assert.equal(asked[0]?.method, 'POST');
  assert.equal(asked[0]?.url, '/agents/atlas/start');
  assert.deepEqual(asked[0]?.body, { agent_name: 'atlas', initial_equity: 1000, account_id: 'alice' });
});

test('without an account id a call is about the agent as a whole', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING));
  const client = new TradingAgentsClient({ baseUrl });
  await client.startAgent(null, 'atlas', 1000);
  await client.getAgentStatus('atlas');
  await client.pauseAgent('atlas');
  assert.deepEqual(asked[0]?.body, { agent_name: 'atlas', initial_equity: 1000 });
  assert.equal(asked[1]?.url, '/agents/atlas/status');
  assert.deepEqual(asked[2]?.body, {});
});

test('an account id goes into the query of a read and into the body of a change', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING));
  const client = new TradingAgentsClient({ baseUrl });
  await client.getPositions('atlas', 'alice');
  await client.stopAgent('atlas', 'alice', { closePositions: true });
  assert.equal(asked[0]?.url, '/agents/atlas/positions?account_id=alice');
  assert.deepEqual(asked[1]?.body, { account_id: 'alice', close_positions: true });
});

test('ids are escaped, and one that would lead to another route is refused', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING));
  const client = new TradingAgentsClient({ baseUrl });
  await client.getAccount('a/../b?c');
  assert.equal(asked[0]?.url, '/accounts/a%2F..%2Fb%3Fc');
  await assert.rejects(client.getAccount('..'), TypeError);
  await assert.rejects(client.getAccount(''), TypeError);
});

test('the token is sent, looked up anew for each call, and shown nowhere', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING));
  let token = 'first-secret';
  const client = new TradingAgentsClient({ baseUrl, token: () => token });
  await client.getAgentStatus('atlas');
  token = 'second-secret';
  await client.getAgentStatus('atlas');
  assert.equal(asked[0]?.headers.authorization, 'Bearer first-secret');
  assert.equal(asked[1]?.headers.authorization, 'Bearer second-secret');
  assert.doesNotMatch(inspect(new TradingAgentsClient({ baseUrl, token }), { depth: null, showHidden: true }), /secret/);
});

test('a refusal says what the service says', async (t) => {
  const refusal = {
    code: 422,
    status: 'Unprocessable Entity',
    message: 'initial_equity: must be above 0',
    errors: { json: { initial_equity: ['must be above 0'] } },
  };
  const { baseUrl } = await answering(t, json(422, refusal));
  await assert.rejects(new TradingAgentsClient({ baseUrl }).startAgent('alice', 'atlas', -5), (error: unknown) => {
    assert(error instanceof TradingAgentsError);
    assert.equal(error.code, 422);
    assert.equal(error.status, 'Unprocessable Entity');
    assert.equal(error.message, 'initial_equity: must be above 0');
    assert.deepEqual(error.errors, refusal.errors);
    assert.deepEqual(error.body, refusal);
    assert.equal(error.isOutcomeUnknown, false);
    return true;
  });
});

test("a proxy's page instead of JSON is an error with its status, not one of the parser", async (t) => {
  const { baseUrl } = await answering(t, (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad</h1>'));
  await assert.rejects(new TradingAgentsClient({ baseUrl }).getAgentStatus('atlas'), { code: 502, status: 'Bad Gateway' });
});

test('every POST has a key of its own, and a given one is kept', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING));
  const client = new TradingAgentsClient({ baseUrl });
  await client.depositToAccount('alice', 5, 'tx-1');
  await client.depositToAccount('alice', 5, 'tx-2');
  await client.depositToAccount('alice', 5, 'tx-3', { idempotencyKey: 'mine' });
  await client.getAccount('alice');
  const keys = asked.map((request) => request.headers['idempotency-key']);
  assert.match(String(keys[0]), UUID);
  assert.match(String(keys[1]), UUID);
  assert.notEqual(keys[0], keys[1]);
  assert.equal(keys[2], 'mine');
  assert.equal(keys[3], undefined);
});

test('a broken connection is tried again with the same key', async (t) => {
  const { baseUrl, asked } = await answering(t, hangUp, hangUp, json(200, RUNNING));
  await new TradingAgentsClient({ baseUrl }).startAgent('alice', 'atlas', 1000);
  assert.equal(asked.length, 3);
  assert.equal(new Set(asked.map((request) => request.headers['idempotency-key'])).size, 1);
  assert.deepEqual(asked[2]?.body, asked[0]?.body);
});

test('an unreachable service is given up after the last retry, and the error has the key to go on with', async (t) => {
  const { baseUrl, asked } = await answering(t, hangUp);
  const calling = new TradingAgentsClient({ baseUrl, retries: 1 }).pauseAgent('atlas', undefined, { idempotencyKey: 'mine' });
  await assert.rejects(calling, { code: 0, status: 'Unreachable', idempotencyKey: 'mine', isOutcomeUnknown: true });
  assert.equal(asked.length, 2);
});

for (const status of [409, 429, 503]) {
  test(`a ${status} is repeated when it says after how long, with the same key`, async (t) => {
    const { baseUrl, asked } = await answering(t, json(status, { code: status }, { 'retry-after': '0' }), json(200, RUNNING));
    assert.deepEqual(await new TradingAgentsClient({ baseUrl }).pauseAgent('atlas'), RUNNING);
    assert.equal(asked.length, 2);
    assert.equal(asked[0]?.headers['idempotency-key'], asked[1]?.headers['idempotency-key']);
  });

  test(`a ${status} is not repeated when it does not say so`, async (t) => {
    const { baseUrl, asked } = await answering(t, json(status, { code: status }));
    await assert.rejects(new TradingAgentsClient({ baseUrl }).pauseAgent('atlas'), { code: status });
    assert.equal(asked.length, 1);
  });
}

test('a wait that would outlast the call is not begun', async (t) => {
  const { baseUrl, asked } = await answering(t, json(429, { code: 429 }, { 'retry-after': '3600' }));
  await assert.rejects(new TradingAgentsClient({ baseUrl }).getAgentStatus('atlas'), { code: 429, retryAfter: 3600 });
  assert.equal(asked.length, 1);
});

test('a Retry-After that is a date is understood', async (t) => {
  const past = new Date(Date.now() - 1000).toUTCString();
  const { baseUrl } = await answering(t, json(503, { code: 503 }, { 'retry-after': past }), json(200, RUNNING));
  assert.deepEqual(await new TradingAgentsClient({ baseUrl }).getAgentStatus('atlas'), RUNNING);
});

test('a call that gets no answer ends at its timeout and is not repeated', async (t) => {
  const { baseUrl, asked } = await answering(t, silence);
  const calling = new TradingAgentsClient({ baseUrl, timeout: 100 }).getAgentStatus('atlas');
  await assert.rejects(calling, { code: 0, status: 'Timeout', isOutcomeUnknown: true });
  assert.equal(asked.length, 1);
});

test('a caller can end a call early', async (t) => {
  const { baseUrl } = await answering(t, silence);
  const ending = new AbortController();
  const calling = new TradingAgentsClient({ baseUrl }).getAgentStatus('atlas', undefined, { signal: ending.signal });
  ending.abort();
  await assert.rejects(calling, { name: 'AbortError' });
});

test('an answer brings the tag that a later change can insist on', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, RUNNING, { etag: '"7"' }), json(412, { code: 412, message: 'changed since' }));
  const client = new TradingAgentsClient({ baseUrl });
  const standing = await client.getAgentStatus('atlas');
  assert.deepEqual(standing, RUNNING);
  assert.equal(etagOf(standing), '"7"');
  await assert.rejects(client.pauseAgent('atlas', undefined, { ifMatch: etagOf(standing) }), { code: 412 });
  assert.equal(asked[1]?.headers['if-match'], '"7"');
});

test('a list is read to its end, page after page, and no page more than is used', async (t) => {
  const pages = [json(200, { items: [{ id: 3 }, { id: 2 }], next_cursor: '2' }), json(200, { items: [{ id: 1 }], next_cursor: null })];
  const whole = await answering(t, ...pages);
  const ids: unknown[] = [];
  for await (const decision of new TradingAgentsClient(whole).listDecisions({ agent: 'atlas', pageSize: 2 })) {
    ids.push(decision.id);
  }
  assert.deepEqual(ids, [3, 2, 1]);
  assert.deepEqual(
    whole.asked.map((request) => request.url),
    ['/decisions?agent=atlas&limit=2', '/decisions?agent=atlas&limit=2&cursor=2'],
  );

  const first = await answering(t, ...pages);
  for await (const decision of new TradingAgentsClient(first).listDecisions()) {
    assert.equal(decision.id, 3);
    break;
  }
  assert.equal(first.asked.length, 1);
});

test('"not ready" is an answer of the readiness check, not an error', async (t) => {
  const { baseUrl, asked } = await answering(t, json(503, { status: 'not ready', dependencies: { redis: 'down' } }, { 'retry-after': '1' }));
  assert.equal((await new TradingAgentsClient({ baseUrl }).readyCheck()).status, 'not ready');
  assert.equal(asked.length, 1);
});

test('address and token come from the environment where they are not given', async (t) => {
  const { baseUrl, asked } = await answering(t, json(200, { status: 'up', agents_running: 0 }));
  process.env['TRADING_AGENTS_URL'] = `${baseUrl}/`;
  process.env['TRADING_AGENTS_TOKEN'] = 'from-the-environment';
  t.after(() => {
    delete process.env['TRADING_AGENTS_URL'];
    delete process.env['TRADING_AGENTS_TOKEN'];
  });
  await new TradingAgentsClient().healthCheck();
  assert.equal(asked[0]?.url, '/health');
  assert.equal(asked[0]?.headers.authorization, 'Bearer from-the-environment');
});
