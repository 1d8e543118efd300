import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { UnverifiedEventError, verifiedEvent } from '@trading-agents/client';

const SECRET = 'a subscription secret';
const BODY = JSON.stringify({ id: 'e-1', kind: 'agent.state_changed', created_at: '2026-01-02T03:04:05Z', agent: 'nova', account_id: null, data: { after: 'paused' } });
const NOW = String(Math.floor(Date.now() / 1000));

function signed(secret = SECRET, timestamp = NOW, body = BODY): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
}

function headers(signature: string, timestamp = NOW): Record<string, string> {
  return { 'x-trading-agents-timestamp': timestamp, 'x-trading-agents-signature': signature };
}

test('a signed delivery is its event, whether it comes as text or as bytes, with headers of any kind', () => {
  const event = verifiedEvent(BODY, headers(signed()), SECRET);
  assert.equal(event.kind, 'agent.state_changed');
  assert.deepEqual(event.data, { after: 'paused' });
  assert.deepEqual(verifiedEvent(Buffer.from(BODY), new Headers(headers(signed())), SECRET), event);
  const titled = { 'X-Trading-Agents-Timestamp': NOW, 'X-Trading-Agents-Signature': [signed()] };
  assert.deepEqual(verifiedEvent(BODY, titled, SECRET), event);
});

test('during a rotation either secret is enough, on either side', () => {
  assert.equal(verifiedEvent(BODY, headers(`${signed('the old one')},${signed()}`), SECRET).id, 'e-1');
  assert.equal(verifiedEvent(BODY, headers(signed('the old one')), ['the old one', SECRET]).id, 'e-1');
});

for (const [what, given] of Object.entries({
  'without headers': {},
  'with another secret': headers(signed('another')),
  'with the signature of another body': headers(signed(SECRET, NOW, `${BODY} `)),
  'with the signature of another time': headers(signed(SECRET, '1700000000')),
  'with half a signature': headers(signed().slice(0, 32)),
  'with a signature that is no hex': headers('ü'.repeat(64)),
  'that is too old': headers(signed(SECRET, '1700000000'), '1700000000'),
  'whose timestamp is no number': headers(signed(SECRET, 'now'), 'now'),
})) {
  test(`a delivery ${what} is not verified`, () => {
    assert.throws(() => verifiedEvent(BODY, given as Record<string, string>, SECRET), UnverifiedEventError);
  });
}

test('without a secret nothing is verified, least of all what is signed with an empty one', () => {
  assert.throws(() => verifiedEvent(BODY, headers(signed('')), ''), TypeError);
  assert.throws(() => verifiedEvent(BODY, headers(signed('')), []), TypeError);
});
