import { randomInt } from 'node:crypto';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { StoreDeps } from './ports.ts';

/** Waits before one more try; resolves to false when patience has ended. */
export type Pause = () => Promise<boolean>;

export interface Patience {
  maxPauseMs: number;
  /** All pauses and tries together. */
  totalMs: number;
  /** How long a try itself waits before it fails, 0 when it fails at once. */
  tryMs?: number;
}

const randomSteps = 2 ** 32;

/** The world's clock and randomness where none were given. */
function withDefaults(deps: StoreDeps) {
  return {
    clock: deps.clock ?? { sleep: (ms) => sleepFor(ms) },
    random: deps.random ?? (() => randomInt(randomSteps) / randomSteps),
  };
}

/**
 * Growing random pauses up to `maxPauseMs` each: competitors fall out of step instead of
 * meeting again, and none waits for ever.
 */
export function createPauses(deps: StoreDeps, patience: Patience): Pause {
  const { clock, random } = withDefaults(deps);
  let longest = 1;
  let waited = 0;
  return async () => {
    if (waited >= patience.totalMs) return false;
    const ms = Math.max(1, Math.ceil(random() * longest));
    longest = Math.min(longest * 2, patience.maxPauseMs);
    waited += ms + (patience.tryMs ?? 0);
    await clock.sleep(ms);
    return true;
  };
}
