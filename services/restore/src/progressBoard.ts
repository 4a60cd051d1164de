import {
  buckets,
  bucketTtlMs,
  type Progress,
  progressSchema,
  type RestoreSession,
} from '@holdfast/contracts';
import type { KeyValue, Messaging } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';

/** Live counters of sessions at work; nobody waits for them and nothing depends on them. */
export interface ProgressBoard {
  tell(session: RestoreSession, progress: RestoreSession['progress'], phase: string): void;
  end(sessionId: string): void;
}

const everyMs = 1000;

export async function openProgressBoard(
  messaging: Messaging,
  instance: string,
  clock: Clock,
  logger: Logger,
): Promise<ProgressBoard> {
  const bucket: KeyValue<Progress> = await messaging.keyValue(buckets.progress, {
    ttlMs: bucketTtlMs.progress,
    parse: (json) => progressSchema.parse(json),
  });
  const told = new Map<string, number>();
  const onError = (error: unknown) => logger.debug({ error }, 'progress could not be told');
  return {
    tell(session, { itemsDone, itemsTotal, bytes }, phase) {
      const now = clock.now();
      if (now - (told.get(session.id) ?? 0) < everyMs) return;
      told.set(session.id, now);
      const progress: Progress = {
        ...{ kind: 'restore', id: session.id, owner: instance, label: session.targetAddress },
        ...{ done: itemsDone, total: itemsTotal, bytes, phase, at: new Date(now).toISOString() },
      };
      bucket.put(session.id, progress).catch(onError);
    },
    end(sessionId) {
      if (told.delete(sessionId)) bucket.delete(sessionId).catch(onError);
    },
  };
}
