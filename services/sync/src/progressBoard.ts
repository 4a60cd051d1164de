import { buckets, bucketTtlMs, type Progress, progressSchema } from '@holdfast/contracts';
import type { KeyValue, Messaging } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import type { MailboxWork } from './domain/mailboxWork.ts';

/** Live counters of mailboxes at work; nobody waits for them and nothing depends on them. */
export interface ProgressBoard {
  tell(taskId: string, label: string, work: MailboxWork, startedAt: number): void;
  end(taskId: string): void;
}

/** At most one message a mailbox in this time, and none before it: most mailboxes are done sooner. */
const everyMs = 1000;
/** With more mailboxes at work each is told less often: the messages of a process do not grow with its slots. */
const mostEachTime = 8;
/** Well below the life of an entry. */
const longestMs = 10_000;

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
  const atWork = new Map<string, { since: number; isTold: boolean }>();
  const onError = (error: unknown) => logger.debug({ error }, 'progress could not be told');
  return {
    tell(taskId, label, work, startedAt) {
      const now = clock.now();
      const last = atWork.get(taskId) ?? { since: startedAt, isTold: false };
      atWork.set(taskId, last);
      const waitMs = everyMs * Math.max(1, atWork.size / mostEachTime);
      if (now - last.since < Math.min(waitMs, longestMs)) return;
      atWork.set(taskId, { since: now, isTold: true });
      const { itemsNew, itemsChanged, itemsRemoved } = work.totals;
      const total = [...work.reported.values()].reduce((sum, count) => sum + count, 0);
      const progress: Progress = {
        kind: 'sync',
        id: taskId,
        owner: instance,
        label,
        done: itemsNew + itemsChanged + itemsRemoved,
        ...(work.plan.kind === 'initial' && total > 0 ? { total } : {}),
        bytes: work.reader.statistics.bytesRead,
        phase: work.plan.kind,
        at: new Date(now).toISOString(),
      };
      bucket.put(taskId, progress).catch(onError);
    },
    end(taskId) {
      const isTold = atWork.get(taskId)?.isTold === true;
      atWork.delete(taskId);
      if (isTold) bucket.delete(taskId).catch(onError);
    },
  };
}
