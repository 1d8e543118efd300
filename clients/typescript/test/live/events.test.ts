/** Events from a live service at `TRADING_AGENTS_URL`, delivered to a server of this test. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { TradingAgentsClient, UnverifiedEventError, verifiedEvent } from '@trading-agents/client';

const client = new TradingAgentsClient();
const receiver = createServer((request, response) => {
  void buffer(request).then((body) => {
    receiver.emit('delivery', body, request.headers);
    response.writeHead(204).end();
  });
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
after(() => receiver.close().closeAllConnections());

async function delivery(): Promise<[Buffer, IncomingHttpHeaders]> {
  return (await once(receiver, 'delivery', { signal: AbortSignal.timeout(20_000) })) as [Buffer, IncomingHttpHeaders];
}

test('an event is delivered, signed by the secret of the subscription and no other, and again when asked for', async () => {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
  const { id, secret } = await client.createSubscription(url, { events: ['agent.state_changed'] });
  await client.startAgent(`client-${id.slice(0, 8)}`, 'orion', 500);

  const [body, headers] = await delivery();
  const event = verifiedEvent(body, headers, secret);
  assert.equal(event.kind, 'agent.state_changed');
  assert.equal(event.agent, 'orion');
  assert.throws(() => verifiedEvent(body, headers, 'another secret'), UnverifiedEventError);

  const rotated = await client.rotateSubscriptionSecret(id);
  const again = delivery();
  await client.replayDelivery(id, event.id);
  for (const known of [secret, rotated.secret]) {
    assert.deepEqual(verifiedEvent(...(await again), known), event);
  }

  for await (const delivered of client.listDeliveries(id)) {
    assert.equal(delivered.kind, 'agent.state_changed');
  }
  for await (const told of client.listEvents({ after: 0, kind: 'agent.state_changed', pageSize: 1 })) {
    assert.equal(told.kind, 'agent.state_changed');
    break;
  }
  assert.equal((await client.endSubscription(id)).active, false);
});
