import { HoldfastError } from '@holdfast/contracts';
import type { ExchangeRandom } from '../ports.ts';
import type { Refusal } from './classifyAnswer.ts';

export interface RetrySettings {
  /** Repeats after a transient answer. */
  repeats: number;
  /** Repeats where the service sometimes errs about a permanent fault. */
  fewRepeats: number;
  /** Pauses that a request accepts before it fails as throttled. */
  pauses: number;
  /** First wait, doubled each time, ms. */
  baseMs: number;
  longestMs: number;
}

export const defaultRetry: RetrySettings = {
  repeats: 5,
  fewRepeats: 2,
  pauses: 30,
  baseMs: 500,
  longestMs: 30_000,
};

/** How often a request was tried, and with which token last. */
export interface Tries {
  repeats: number;
  pauses: number;
  renewed: boolean;
  token?: string;
}

export type RepeatDecision =
  | { kind: 'wait'; waitMs: number }
  /** With a fresh token instead of this one. */
  | { kind: 'renew'; refused: string }
  /** The whole mailbox waits. */
  | { kind: 'pause'; waitMs: number }
  | { kind: 'fail'; error: HoldfastError };

/** Growing waits, each drawn from its upper half so that requests do not come back together. */
function backoffMs(n: number, settings: RetrySettings, random: ExchangeRandom): number {
  const full = Math.min(settings.baseMs * 2 ** n, settings.longestMs);
  return full / 2 + (random.next() * full) / 2;
}

/** An error that tells the caller: it may have been done. */
function withUnknownOutcome(error: HoldfastError): HoldfastError {
  return new HoldfastError(error.code, error.errorClass, error.message, {
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    details: { ...error.details, outcomeUnknown: true },
    cause: error,
  });
}

/** True for an error after which a request may have been carried out all the same. */
export const isOutcomeUnknown = (error: unknown): boolean =>
  error instanceof HoldfastError && error.details.outcomeUnknown === true;

/**
 * Decides what follows a refused attempt and counts it in `tries`. A request that must not be done twice is not
 * repeated when nobody knows whether it was done.
 */
export function decideRepeat(
  refusal: Refusal,
  tries: Tries,
  repeatable: boolean,
  deps: { retry: RetrySettings; random: ExchangeRandom },
): RepeatDecision {
  const { retry, random } = deps;
  if (refusal.outcomeUnknown && !repeatable) {
    return { kind: 'fail', error: withUnknownOutcome(refusal.error) };
  }
  switch (refusal.reaction) {
    case 'give-up':
      return { kind: 'fail', error: refusal.error };
    case 'new-token':
      if (tries.renewed || tries.token === undefined) return { kind: 'fail', error: refusal.error };
      tries.renewed = true;
      return { kind: 'renew', refused: tries.token };
    case 'pause': {
      if (tries.pauses >= retry.pauses) return { kind: 'fail', error: refusal.error };
      const waitMs = refusal.retryAfterMs ?? Math.max(1_000, backoffMs(tries.pauses + 1, retry, random));
      tries.pauses++;
      return { kind: 'pause', waitMs };
    }
    default: {
      const limit = refusal.reaction === 'repeat-few' ? retry.fewRepeats : retry.repeats;
      if (tries.repeats >= limit) return { kind: 'fail', error: refusal.error };
      const waitMs = backoffMs(tries.repeats, retry, random);
      tries.repeats++;
      return { kind: 'wait', waitMs };
    }
  }
}
