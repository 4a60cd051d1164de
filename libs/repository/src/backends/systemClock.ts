import type { EngineClock } from '../ports.ts';

/** The machine's clock. */
export const systemClock: EngineClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, action, background = false) {
    const timer = setTimeout(action, ms);
    if (background) timer.unref();
    return () => clearTimeout(timer);
  },
};
