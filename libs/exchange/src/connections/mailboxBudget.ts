import type { BudgetGrant, BudgetPort, ExchangeClock, ExchangeRandom } from '../ports.ts';

/** Requests at a time for an application and a mailbox, over all workers (P9). */
export interface BudgetSettings {
  capacity: number;
  /** Kept free for restores. */
  reserved: number;
}

/** Who hands out shares over all workers: the broker. Undefined when there is none at the moment. */
export interface SlotSource {
  acquireSlots(
    key: string,
    options: { owner: string; lane: 'normal' | 'reserved'; want: number; capacity: number; reserved: number },
  ): Promise<(Omit<BudgetGrant, 'concurrency'> & { readonly slots: number }) | undefined>;
}

interface BudgetDeps {
  messaging: SlotSource;
  owner: string;
  settings: BudgetSettings;
  clock: ExchangeClock;
  random: ExchangeRandom;
}

const firstPauseMs = 100;
const longestPauseMs = 2000;

/** Shares of a mailbox's budget from the broker, held for the length of a task: no round trip a request. */
export function mailboxBudget({ messaging, owner, settings, clock, random }: BudgetDeps): BudgetPort {
  const { capacity, reserved } = settings;
  return {
    async acquire(applicationAndMailbox, lane, signal) {
      const options = {
        owner,
        lane: lane === 'restore' ? ('reserved' as const) : ('normal' as const),
        want: lane === 'restore' ? capacity : capacity - reserved,
        capacity,
        reserved,
      };
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        signal.throwIfAborted();
        const slots = await messaging.acquireSlots(applicationAndMailbox, options);
        if (slots !== undefined) {
          return {
            concurrency: slots.slots,
            lost: slots.lost,
            get fencedUntil() {
              return slots.fencedUntil;
            },
            fenceUntil: (timeMs) => slots.fenceUntil(timeMs),
            release: () => slots.release(),
          };
        }
        await clock.sleep(pauseMs * (0.5 + random.next() / 2), signal);
      }
    },
  };
}
