import { MessagingClosed } from './errors.ts';
import type { Gate } from './ports.ts';

/**
 * A counting semaphore. `enter` waits its turn (first come, first served, so that several consumers share the slots
 * evenly) and gives back how to leave; leaving twice counts once.
 *
 * `enter` throws MessagingClosed when its signal is aborted first.
 */
export function createGate(slots: number): Gate {
  const waiting = new Set<() => void>();
  let busy = 0;

  function take(): () => void {
    busy += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      busy -= 1;
      const [next] = waiting;
      next?.();
    };
  }

  return {
    slots,
    get busy() {
      return busy;
    },
    enter(signal) {
      if (signal?.aborted) return Promise.reject(new MessagingClosed());
      if (busy < slots) return Promise.resolve(take());
      return new Promise((resolve, reject) => {
        const admit = () => {
          waiting.delete(admit);
          signal?.removeEventListener('abort', giveUp);
          resolve(take());
        };
        const giveUp = () => {
          waiting.delete(admit);
          reject(new MessagingClosed());
        };
        waiting.add(admit);
        signal?.addEventListener('abort', giveUp, { once: true });
      });
    },
  };
}
