/** Events that the service delivers to a subscription's URL: who sent them, and what they say. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FeedEvent } from './types.js';

/** Something that happened, as it is delivered. The same `id` may come more than once. */
export type DeliveredEvent = Omit<FeedEvent, 'position'>;

/** Headers as Node, its frameworks or `fetch` have them. */
export type ReceivedHeaders = Headers | Record<string, string | readonly string[] | undefined>;

export interface VerificationOptions {
  /** Seconds that the timestamp may be from now; 300 if left out. */
  tolerance?: number | undefined;
}

/** A delivery that does not come from the service, or not just now: answer 401 and do nothing. */
export class UnverifiedEventError extends Error {
  override readonly name = 'UnverifiedEventError';
}

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * The event in a delivery, if it is signed by the subscription's secret.
 *
 * @param body - exactly the bytes that came, not parsed and written anew.
 * @param secrets - the subscription's secret, or during a rotation the old one and the new one.
 * @throws UnverifiedEventError if the signature is missing or wrong, or the timestamp too far from now.
 * @throws TypeError if there is no secret: with an empty one anybody could sign.
 */
export function verifiedEvent(
  body: string | Uint8Array,
  headers: ReceivedHeaders,
  secrets: string | readonly string[],
  options: VerificationOptions = {},
): DeliveredEvent {
  const known = [secrets].flat();
  if (known.length === 0 || known.includes('')) {
    throw new TypeError('a secret is needed');
  }
  const timestamp = header(headers, 'X-Trading-Agents-Timestamp');
  const signatures = header(headers, 'X-Trading-Agents-Signature').split(',').map((each) => each.trim());
  const expected = known.map((secret) => createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest());
  // Every pair is compared, so that timing tells nothing.
  const matches = signatures.flatMap((signature) => expected.filter((digest) => isSame(signature, digest)));
  if (matches.length === 0) {
    throw new UnverifiedEventError('the signature is missing or wrong');
  }
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= (options.tolerance ?? 300))) {
    throw new UnverifiedEventError('the timestamp is too far from now');
  }
  return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as DeliveredEvent;
}

function isSame(signature: string, digest: Uint8Array): boolean {
  return DIGEST.test(signature) && timingSafeEqual(Buffer.from(signature, 'hex'), digest);
}

function header(headers: ReceivedHeaders, name: string): string {
  if (headers instanceof Headers) {
    return headers.get(name) ?? '';
  }
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  return (typeof found === 'string' ? found : found?.join(',')) ?? '';
}
