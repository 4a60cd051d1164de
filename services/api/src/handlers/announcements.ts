import { type EventData, type EventName, makeEvent } from '@holdfast/contracts';
import type { ApiPorts } from '../ports.ts';

/**
 * Writes an event of the API after the effect it tells of. `key` is made of ids and the version written, so a repeat
 * of the same effect is the same event.
 */
export async function announce<N extends EventName>(
  ports: Pick<ApiPorts, 'announce' | 'clock'>,
  name: N,
  subject: string,
  key: string,
  data: EventData<N>,
): Promise<void> {
  const time = new Date(ports.clock.now()).toISOString();
  await ports.announce(makeEvent(name, { source: 'api', subject, key, time, data }));
}
