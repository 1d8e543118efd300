import type { IncomingMessage } from 'node:http';
import { Controller, Headers, HttpCode, HttpStatus, Logger, Post, Req, UnauthorizedException, type RawBodyRequest } from '@nestjs/common';
import { UnverifiedEventError, verifiedEvent, type DeliveredEvent } from '@trading-agents/client';
import { AccountRepository } from '../investment/account.repository.js';

/** Where a subscription delivers to, with the secret in `TRADING_AGENTS_EVENTS_SECRET`. */
@Controller('trading-agents/events')
export class EventsController {
  private readonly logger = new Logger(EventsController.name);
  private readonly seen = new Set<string>();

  constructor(private readonly accounts: AccountRepository) {}

  @Post()
  @HttpCode(HttpStatus.NO_CONTENT)
  receive(@Req() request: RawBodyRequest<IncomingMessage>, @Headers() headers: Record<string, string>): void {
    const event = verified(request.rawBody, headers);
    // The same event may come again; a real backend keeps the ids in its database, in the transaction of the effect.
    if (!this.seen.has(event.id)) {
      this.seen.add(event.id);
      this.take(event);
    }
  }

  private take(event: DeliveredEvent): void {
    const account = event.account_id === null ? undefined : this.accounts.find(event.account_id);
    if (account === undefined || event.kind !== 'agent.state_changed') {
      this.logger.log(`${event.kind} ${event.agent ?? ''} ${JSON.stringify(event.data)}`);
      return;
    }
    account.agent_status = String(event.data['after']);
  }
}

function verified(body: Uint8Array | undefined, headers: Record<string, string>): DeliveredEvent {
  try {
    return verifiedEvent(body ?? '', headers, process.env['TRADING_AGENTS_EVENTS_SECRET'] ?? '');
  } catch (error) {
    throw error instanceof UnverifiedEventError ? new UnauthorizedException(error.message) : error;
  }
}
