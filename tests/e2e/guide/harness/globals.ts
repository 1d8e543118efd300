/** The names that the guide's test uses without importing them, as Jest and its set-up file would give them. */
import { randomUUID } from 'node:crypto';
import * as runner from 'node:test';
import { expect as expectation } from 'expect';
import supertest from 'supertest';
import { AccountService } from '../backend/src/modules/investment/services/account.service';
import { TradingAgentsClient } from '../backend/src/services/trading-agents.client';
import { createBackend } from './backend';
import './completion';

declare global {
  var describe: typeof runner.describe;
  var it: typeof runner.it;
  var expect: typeof expectation;
  var request: typeof supertest;
  var app: ReturnType<typeof createBackend>;
  var userId: string;
  var tradingAgentsClient: TradingAgentsClient;
  var accountService: AccountService;
}

globalThis.describe = runner.describe;
globalThis.it = runner.it;
globalThis.expect = expectation;
globalThis.request = supertest;
globalThis.userId = randomUUID();
globalThis.tradingAgentsClient = new TradingAgentsClient();
globalThis.accountService = new AccountService(tradingAgentsClient);
globalThis.app = createBackend(accountService);
