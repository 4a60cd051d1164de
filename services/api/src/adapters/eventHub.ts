import type { HoldfastEvent } from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import type { EventHub, Running } from '../ports.ts';

/** One subscription of this process to all events, shared by its streams. */
export async function startEventHub(messaging: Messaging): Promise<EventHub & Running> {
  const listeners = new Set<(event: HoldfastEvent) => void>();
  const tail = await messaging.tailEvents(
    'events.>',
    (event) => {
      for (const listener of listeners) listener(event);
    },
    { wanted: () => listeners.size > 0 },
  );
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      listeners.clear();
      await tail.stop();
    },
  };
}
