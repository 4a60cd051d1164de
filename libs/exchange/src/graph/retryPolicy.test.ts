import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import type { Refusal } from './classifyAnswer.ts';
import { decideRepeat, defaultRetry, isOutcomeUnknown, type Tries } from './retryPolicy.ts';

const deps = { retry: defaultRetry, random: { next: () => 0.5 } };
const refusal = (more: Partial<Refusal>): Refusal => ({
  error: new HoldfastError('x', 'transient', 'x'),
  reaction: 'repeat',
  retryAfterMs: undefined,
  outage: false,
  outcomeUnknown: false,
  ...more,
});
const fresh = (): Tries => ({ repeats: 0, pauses: 0, renewed: false, token: 't' });

function until(more: Partial<Refusal>, tries = fresh()): { kinds: string[]; waits: number[] } {
  const kinds: string[] = [];
  const waits: number[] = [];
  for (let n = 0; n < 100; n++) {
    const decision = decideRepeat(refusal(more), tries, true, deps);
    kinds.push(decision.kind);
    if ('waitMs' in decision) waits.push(decision.waitMs);
    if (decision.kind === 'fail') break;
  }
  return { kinds, waits };
}

describe('what follows a refused attempt', () => {
  test('a transient one is repeated five times with doubling waits, then fails', () => {
    const { kinds, waits } = until({});
    expect(kinds).toEqual(['wait', 'wait', 'wait', 'wait', 'wait', 'fail']);
    expect(waits).toEqual([375, 750, 1500, 3000, 6000]);
  });

  test('where the service errs sometimes, two more tries are enough', () => {
    expect(until({ reaction: 'repeat-few' }).kinds).toEqual(['wait', 'wait', 'fail']);
  });

  test('throttling pauses as long as asked, or growing when nothing is said, and ends at last', () => {
    expect(until({ reaction: 'pause', retryAfterMs: 2_128 }).waits[0]).toBe(2_128);
    const { kinds, waits } = until({ reaction: 'pause' });
    expect(kinds).toHaveLength(31);
    expect(waits[0]).toBe(1_000);
    expect(waits.at(-1)).toBeLessThanOrEqual(30_000);
    expect(waits[3]).toBeGreaterThan(waits[1] ?? 0);
  });

  test('a refused token is renewed once', () => {
    expect(until({ reaction: 'new-token' }).kinds).toEqual(['renew', 'fail']);
  });

  test('what must not be done twice is not repeated when nobody knows whether it was done', () => {
    const unknown = decideRepeat(refusal({ outcomeUnknown: true }), fresh(), false, deps);
    expect(unknown.kind).toBe('fail');
    expect(unknown.kind === 'fail' && isOutcomeUnknown(unknown.error)).toBe(true);
    expect(decideRepeat(refusal({}), fresh(), false, deps).kind).toBe('wait');
  });

  test('permanent faults are not repeated', () => {
    expect(until({ reaction: 'give-up' }).kinds).toEqual(['fail']);
  });
});
