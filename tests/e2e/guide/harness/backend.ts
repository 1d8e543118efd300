/** The platform's backend, reduced to the one route that the guide's test calls. */
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { AccountService } from '../backend/src/modules/investment/services/account.service';

export function createBackend(service: AccountService) {
  const server = createServer((incoming, outgoing) => {
    answer(service, incoming, outgoing).catch((error) => refuse(outgoing, error));
  });
  return { getHttpServer: () => server };
}

async function answer(service: AccountService, incoming: IncomingMessage, outgoing: ServerResponse) {
  if (incoming.method !== 'POST' || incoming.url !== '/investment/accounts') {
    return reply(outgoing, 404, {});
  }
  const order = (await json(incoming)) as { user_id: string; product_id: string; initial_deposit: number };
  reply(outgoing, 201, await service.openAccount(order.user_id, order.product_id, order.initial_deposit));
}

/** What the service refuses, the backend refuses, in the service's words. */
function refuse(outgoing: ServerResponse, error: any) {
  console.log(`start refused: ${error.response?.status} ${error.response?.data?.message ?? error.message}`);
  reply(outgoing, error.response?.status ?? 502, error.response?.data ?? {});
}

function reply(outgoing: ServerResponse, status: number, body: object) {
  outgoing.writeHead(status, { 'Content-Type': 'application/json' });
  outgoing.end(JSON.stringify(body));
}
