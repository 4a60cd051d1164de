import { type ActiveRun, activeRunSchema, buckets, type Run, type SyncTask } from '@holdfast/contracts';
import type { KeyValue, Messaging } from '@holdfast/messaging';
import type { TaskQueue } from '../ports.ts';

/** The queues of runs in the broker. `guard` is called before each write and throws when it may not be done. */
export async function openBrokerQueue(messaging: Messaging, guard: () => void): Promise<TaskQueue> {
  const active: KeyValue<ActiveRun> = await messaging.keyValue(buckets.runsActive, {
    parse: (json) => activeRunSchema.parse(json),
  });
  return {
    async open(run) {
      guard();
      await messaging.ensureTaskConsumer({
        kind: 'sync',
        pool: run.pool,
        owner: run.id,
        maxAckPending: run.concurrency,
        maxDeliver: run.attempts,
      });
      await active.put(run.id, signOf(run));
    },
    async isOpen(run) {
      const sign = await active.get(run.id);
      const wanted = signOf(run);
      return (
        sign !== undefined &&
        (Object.keys(wanted) as (keyof ActiveRun)[]).every((key) => sign[key] === wanted[key])
      );
    },
    async send(run, task, messageId) {
      guard();
      const { runId, jobId, organizationId, repositoryId, mailboxId } = task;
      const pointTime = run.pointTime ?? run.requestedAt;
      const message: SyncTask = {
        taskId: task.id,
        runId,
        jobId,
        organizationId,
        repositoryId,
        mailboxId,
        pointTime,
        ...(run.scheduleId === undefined ? {} : { scheduleId: run.scheduleId }),
        ...(run.ownRetention === undefined ? {} : { ownRetention: run.ownRetention }),
        ...(task.retry === undefined ? {} : { retry: task.retry }),
      };
      await messaging.publishTask('sync', run.pool, run.id, message, messageId);
    },
    held: (run) => messaging.pendingTasks('sync', run.pool, run.id),
    async close(run) {
      guard();
      // The sign first: a proxy that saw it would otherwise make the consumer anew.
      await active.delete(run.id);
      await messaging.removeTasks('sync', run.pool, run.id);
    },
    async openRuns() {
      return [...(await active.all()).values()].map((sign) => ({ id: sign.runId, pool: sign.pool }));
    },
  };
}

const signOf = (run: Run): ActiveRun => ({
  runId: run.id,
  pool: run.pool,
  concurrency: run.concurrency,
  attempts: run.attempts,
  stop: run.stopRequested,
});
