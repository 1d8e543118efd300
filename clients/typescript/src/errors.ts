/** What a service says is wrong, by where it was sent and by field. */
export type FieldErrors = Record<string, unknown>;

export interface ErrorDetails {
  code: number;
  status: string;
  message: string;
  errors?: FieldErrors | undefined;
  idempotencyKey?: string | undefined;
  retryAfter?: number | undefined;
  body?: unknown;
  cause?: unknown;
}

/** A call that was refused, or that got no answer. */
export class TradingAgentsError extends Error {
  override readonly name = 'TradingAgentsError';
  /** The HTTP status; 0 if there was no answer. */
  readonly code: number;
  /** What the code is called: `Conflict`, …; `Unreachable` or `Timeout` if there was no answer. */
  readonly status: string;
  /** The reasons by location and field, of input that was refused. */
  readonly errors: FieldErrors | undefined;
  /** What a POST went out with. If it is not known whether it was carried out, call again with this key: it happens once. */
  readonly idempotencyKey: string | undefined;
  /** Seconds after which the service wants to be asked again. */
  readonly retryAfter: number | undefined;
  /** The whole answer, for instance with the `free` amount of a refused withdrawal. */
  readonly body: unknown;

  constructor(details: ErrorDetails) {
    super(details.message, { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.errors = details.errors;
    this.idempotencyKey = details.idempotencyKey;
    this.retryAfter = details.retryAfter;
    this.body = details.body;
  }

  /** Whether it is unknown if the call was carried out. */
  get isOutcomeUnknown(): boolean {
    return this.code === 0 || this.code >= 500;
  }
}
