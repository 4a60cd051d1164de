import { deterministicId, newId } from '@holdfast/contracts';
import { HttpProblem } from '../errors.ts';

const shape = /^[\x21-\x7e]{1,200}$/;

/**
 * The id of what a request makes: the same for the same key of the same caller, so that a repeated request finds what
 * the first one made; a new one without a key.
 * @throws HttpProblem when the key cannot be used
 */
export function requestedId(prefix: string, key: string | undefined, ...scope: readonly string[]): string {
  if (key === undefined) return newId(prefix);
  if (!shape.test(key)) {
    throw new HttpProblem(400, 'bad-idempotency-key', 'the header Idempotency-Key cannot be used', {
      remedy: 'Send 1 to 200 visible ASCII characters, such as a UUID.',
    });
  }
  return deterministicId(prefix, ...scope, key);
}

/** A key was sent again with another request. */
export function keyReused(): HttpProblem {
  return new HttpProblem(409, 'idempotency-key-reused', 'this Idempotency-Key belongs to another request', {
    remedy: 'Use a new key for each new request, and the same key only to repeat one.',
  });
}

export const idempotencyHeader = {
  name: 'Idempotency-Key',
  required: false,
  description: 'A repeat with the same key gives what the first request made, and makes nothing.',
} as const;
