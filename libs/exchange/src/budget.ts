import type { BudgetGrant, BudgetPort } from './ports.ts';

/**
 * A budget that shares nothing with other processes: for tools, tests and single workers. Each grant allows
 * `concurrency` requests at a time (4 is what Microsoft allows for an application and mailbox) and keeps its own
 * fence for each name.
 */
export function unlimitedBudget(concurrency = 4): BudgetPort {
  const fences = new Map<string, number>();
  return {
    acquire(applicationAndMailbox) {
      const grant: BudgetGrant = {
        concurrency,
        lost: new AbortController().signal,
        get fencedUntil() {
          return fences.get(applicationAndMailbox) ?? 0;
        },
        fenceUntil(timeMs) {
          fences.set(applicationAndMailbox, Math.max(timeMs, fences.get(applicationAndMailbox) ?? 0));
          return Promise.resolve();
        },
        release() {
          return Promise.resolve();
        },
      };
      return Promise.resolve(grant);
    },
  };
}
