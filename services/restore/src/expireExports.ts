import { idSchema, type RestoreSession } from '@holdfast/contracts';
import type { Running } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Collection } from '@holdfast/store';
import type { ExportFolder } from './adapters/exportFolder.ts';

export interface ExpireDeps {
  folder: ExportFolder;
  sessions: Collection<RestoreSession>;
  clock: Clock;
  logger: Logger;
  everyMs: number;
}

/** Removes the files of exports that have expired, or whose session is gone. */
export async function expireExports({
  folder,
  sessions,
  clock,
  logger,
}: Omit<ExpireDeps, 'everyMs'>): Promise<void> {
  for (const id of await folder.sessions()) {
    // Somebody's own folder is none of ours.
    if (!idSchema.safeParse(id).success || !id.startsWith('export-')) continue;
    const session = (await sessions.get(id))?.doc;
    const expiresAt = session?.exported?.expiresAt;
    const isOver = session === undefined || (expiresAt !== undefined && Date.parse(expiresAt) <= clock.now());
    if (!isOver) continue;
    await folder.remove(id);
    logger.info({ sessionId: id, expiresAt }, 'the files of an export were removed');
  }
}

/** Looks regularly; a failure is told and tried again the next time. */
export function startExpiringExports(deps: ExpireDeps): Running {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await expireExports(deps);
      } catch (error) {
        deps.logger.warn({ error }, 'exports could not be looked through');
      }
      await deps.clock.sleep(deps.everyMs, stopping.signal);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
