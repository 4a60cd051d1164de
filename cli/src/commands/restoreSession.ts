import type { RestoreSession } from '@holdfast/contracts';
import { type Client, step } from '../client.ts';
import { UsageError } from '../errors.ts';

/** A session by its id, or the newest one for `latest`. */
export async function resolveSession(client: Client, given: string): Promise<RestoreSession> {
  if (given !== 'latest') return client.get<RestoreSession>(`/restores/${step(given)}`);
  const [newest] = (await client.list<RestoreSession>('/restores', 1)).items;
  if (newest === undefined) throw new UsageError('there is no restore yet');
  return newest;
}
