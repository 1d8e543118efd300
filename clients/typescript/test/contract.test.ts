import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TradingAgentsClient } from '@trading-agents/client';

/** What the platform's guide calls otherwise than the contract. */
const GUIDE_NAMES: Record<string, string> = { getAgentPositions: 'getPositions', getHealth: 'healthCheck', getReadiness: 'readyCheck' };
/** Called by Prometheus and by the ML engine, not by a backend. */
const OF_OTHERS = new Set(['getPrometheusMetrics', 'receiveMlSignal']);

interface Contract {
  paths: Record<string, Record<string, { operationId?: string }>>;
}

test('every operation of the contract is a method of the client', () => {
  const contract = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as Contract;
  const operations = Object.values(contract.paths).flatMap((path) => Object.values(path).flatMap(({ operationId }) => operationId ?? []));
  const wanted = operations.filter((name) => !OF_OTHERS.has(name)).map((name) => GUIDE_NAMES[name] ?? name);
  const missing = wanted.filter((name) => !(name in TradingAgentsClient.prototype));
  assert(wanted.length > 30);
  assert.deepEqual(missing, []);
});
