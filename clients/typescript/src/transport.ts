/** One HTTP call with everything around it: address, token, deadline, retries, errors. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TradingAgentsError, type FieldErrors } from './errors.js';

/** The token, or where to look it up, so that a new one works without a restart. */
export type Token = string | (() => string | undefined | Promise<string | undefined>);

export interface ClientOptions {
  /** Where the service is. Default: `TRADING_AGENTS_URL`, else `http://trading-agents:8003`. */
  baseUrl?: string | undefined;
  /** The bearer token. Default: `TRADING_AGENTS_TOKEN`. */
  token?: Token | undefined;
  /** Milliseconds that a call may take, retries and waits included. Default: 30,000. */
  timeout?: number | undefined;
  /** How often a call is repeated at most. Default: 2. */
  retries?: number | undefined;
  /** What to call instead of the built-in `fetch`. */
  fetch?: typeof fetch | undefined;
}

/** What any call can be given. */
export interface CallOptions {
  /** Milliseconds that this call may take, retries and waits included. */
  timeout?: number | undefined;
  /** Ends the call early. */
  signal?: AbortSignal | undefined;
}

/** What a call that changes something can be given. */
export interface ChangeOptions extends CallOptions {
  /** The name under which this is done once. Default: a new one for each call. */
  idempotencyKey?: string | undefined;
  /** Do it only if the state is still the one that had this ETag (see `etagOf`); else the call fails with 412. */
  ifMatch?: string | undefined;
}

export interface Call extends ChangeOptions {
  method: string;
  path: string;
  query?: object | undefined;
  body?: unknown;
  /** Statuses beyond 2xx whose body is an answer too. */
  answers?: readonly number[] | undefined;
}

/** With `Retry-After`, these say that nothing was done, or that the first call with the same key is still at it. */
const WORTH_REPEATING = new Set([409, 429, 503]);
const FIRST_PAUSE = 200;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\b/i;

const etags = new WeakMap<object, string>();

/** The ETag that an answer of this client came with, to be given as `ifMatch` to a call that builds on it. */
export function etagOf(answer: object): string | undefined {
  return etags.get(answer);
}

export class Transport {
  readonly #base: string;
  readonly #token: Token | undefined;
  readonly #timeout: number;
  readonly #retries: number;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    const base = options.baseUrl || process.env['TRADING_AGENTS_URL'] || 'http://trading-agents:8003';
    this.#base = base.replace(/\/+$/, '');
    this.#token = options.token ?? process.env['TRADING_AGENTS_TOKEN'];
    this.#timeout = options.timeout ?? 30_000;
    this.#retries = options.retries ?? 2;
    this.#fetch = options.fetch ?? fetch;
  }

  /**
   * Make a call and give its JSON, or its text if the answer is none.
   *
   * A POST goes out with an `Idempotency-Key`, the same one at every repetition, so the service carries it out once.
   *
   * @throws TradingAgentsError if it is refused or gets no answer in time.
   */
  async send(call: Call): Promise<unknown> {
    const key = call.method === 'POST' ? (call.idempotencyKey ?? randomUUID()) : undefined;
    const timeout = call.timeout ?? this.#timeout;
    const deadline = performance.now() + timeout;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(call, key, deadline);
      } catch (error) {
        const pause = attempt < this.#retries ? pauseAfter(error, attempt) : undefined;
        if (pause === undefined || performance.now() + pause >= deadline) {
          throw error;
        }
        await sleep(pause, undefined, { signal: call.signal });
      }
    }
  }

  async #once(call: Call, key: string | undefined, deadline: number): Promise<unknown> {
    const late = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
    const headers = await this.#headers(call, key);
    try {
      const response = await this.#fetch(this.#base + call.path + search(call.query), {
        method: call.method,
        headers,
        body: call.body === undefined ? null : JSON.stringify(call.body),
        // A redirected POST would lose its body or its token.
        redirect: 'error',
        signal: either(late, call.signal),
      });
      return await read(response, call, key);
    } catch (error) {
      if (error instanceof TradingAgentsError || call.signal?.aborted) {
        throw error;
      }
      throw unanswered(error, late.aborted, call, key);
    }
  }

  async #headers(call: Call, key: string | undefined): Promise<Record<string, string>> {
    const token = typeof this.#token === 'function' ? await this.#token() : this.#token;
    return {
      accept: 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
      ...(call.body !== undefined && { 'content-type': 'application/json' }),
      ...(key && { 'idempotency-key': key }),
      ...(call.ifMatch && { 'if-match': call.ifMatch }),
    };
  }
}

/** `AbortSignal.any`, which Node 18 has not. */
function either(late: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  if (given === undefined) {
    return late;
  }
  const both = new AbortController();
  for (const signal of [late, given]) {
    if (signal.aborted) {
      both.abort(signal.reason);
    }
    signal.addEventListener('abort', () => both.abort(signal.reason), { once: true, signal: both.signal });
  }
  return both.signal;
}

function search(query: object | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return text && `?${text}`;
}

async function read(response: Response, call: Call, key: string | undefined): Promise<unknown> {
  const text = await response.text();
  const body = parsed(text, response.headers.get('content-type') ?? '');
  if (!response.ok && !call.answers?.includes(response.status)) {
    throw refused(response, body, key);
  }
  const etag = response.headers.get('etag');
  if (etag !== null && typeof body === 'object' && body !== null) {
    etags.set(body, etag);
  }
  return body;
}

/** What is not JSON, such as the page of a proxy between, stays text. */
function parsed(text: string, type: string): unknown {
  if (!JSON_TYPE.test(type)) {
    return text;
  }
  return text === '' ? undefined : JSON.parse(text);
}

function refused(response: Response, body: unknown, key: string | undefined): TradingAgentsError {
  const told = (typeof body === 'object' && body !== null ? body : {}) as { status?: string; message?: string; errors?: FieldErrors };
  return new TradingAgentsError({
    code: response.status,
    status: told.status ?? response.statusText,
    message: told.message ?? `${response.status} ${response.statusText}`,
    errors: told.errors,
    idempotencyKey: key,
    retryAfter: seconds(response.headers.get('retry-after')),
    body,
  });
}

function unanswered(error: unknown, isLate: boolean, call: Call, key: string | undefined): TradingAgentsError {
  const what = `${call.method} ${call.path}`;
  const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
  return new TradingAgentsError({
    code: 0,
    status: isLate ? 'Timeout' : 'Unreachable',
    message: isLate ? `${what}: no answer in time` : `${what}: ${reason}`,
    idempotencyKey: key,
    cause: error,
  });
}

/** Milliseconds until another attempt makes sense; undefined: it makes none. */
function pauseAfter(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof TradingAgentsError)) {
    return undefined;
  }
  if (error.status === 'Unreachable' && error.code === 0) {
    // Some randomness, so that many clients do not come back at once.
    return FIRST_PAUSE * 2 ** attempt * (0.5 + Math.random() / 2);
  }
  const isAskedTo = WORTH_REPEATING.has(error.code) && error.retryAfter !== undefined;
  return isAskedTo ? (error.retryAfter ?? 0) * 1000 : undefined;
}

/** `Retry-After` in seconds, which may come as a date. */
function seconds(header: string | null): number | undefined {
  if (header === null) {
    return undefined;
  }
  const value = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(value) ? Math.max(0, value) : undefined;
}
