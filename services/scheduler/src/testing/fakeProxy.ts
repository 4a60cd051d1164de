import {
  type ActiveRun,
  activeRunSchema,
  buckets,
  collections,
  makeEvent,
  type ProxyHeartbeat,
  proxyHeartbeatSchema,
  type RunTask,
  type SyncTask,
  syncTaskSchema,
  zeroTotals,
} from '@holdfast/contracts';
import { createGate, type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import { modify, type Store } from '@holdfast/store';

export type TaskEnd = 'success' | 'warning' | 'failed' | 'stopped' | 'hang';

export interface FakeProxyOptions {
  store: Store;
  messaging: Messaging;
  name?: string;
  pool?: string;
  /** Called when the inventory is asked for. */
  refresh?: (groupIds: string[]) => Promise<void>;
  /** What becomes of a task; `success` when absent. `hang` leaves it running for ever. */
  outcomeOf?: (task: RunTask) => TaskEnd | Promise<TaskEnd>;
  /** Without events the scheduler must find out by itself. */
  publishesEvents?: boolean;
}

export interface FakeProxy {
  /** Ids of tasks in the order in which they were worked on. */
  readonly worked: string[];
  /** Tasks that were delivered, repeats included. */
  readonly delivered: string[];
  /** Most tasks in hand at the same time. */
  readonly peak: number;
  /** Vanishes: what hangs goes on hanging, its tasks are not given back. */
  stop(): Promise<void>;
  /** Lets go what hangs, so that a test can end. */
  release(): void;
}

/** A proxy that keeps the protocol of tasks and nothing else: it reads no mailbox. */
export async function startFakeProxy(options: FakeProxyOptions): Promise<FakeProxy> {
  const { store, messaging, name = 'proxy-1', pool = 'default', outcomeOf = () => 'success' } = options;
  const tasks = store.collection(collections.runTasks);
  const runs = store.collection(collections.runs);
  const consumers = new Map<string, Promise<Running>>();
  const worked: string[] = [];
  const delivered: string[] = [];
  const inHand = new Set<string>();
  let peak = 0;
  let isStopped = false;
  const released = Promise.withResolvers<void>();
  const heartbeats = await messaging.keyValue<ProxyHeartbeat>(buckets.proxies, {
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  const beat = (): Promise<void> =>
    heartbeats.put(name, {
      ...{ id: name, pool, version: 'test', host: 'here', slots: 8, busy: inHand.size, maintenance: false },
      ...{ startedAt: '2026-01-01T00:00:00.000Z', at: '2026-01-01T00:00:00.000Z' },
      mailboxes: [...inHand],
    });

  async function work(message: SyncTask): Promise<void> {
    delivered.push(message.taskId);
    const run = (await runs.get(message.runId))?.doc;
    const begun = await modify(tasks, message.taskId, (task) =>
      task.state === 'queued' || task.state === 'running'
        ? { ...task, state: 'running' as const, proxy: name, attempts: task.attempts + 1 }
        : undefined,
    );
    if (begun === undefined) return;
    worked.push(message.taskId);
    inHand.add(begun.doc.mailboxAddress);
    peak = Math.max(peak, inHand.size);
    await beat();
    const state: TaskEnd = run?.stopRequested === true ? 'stopped' : await outcomeOf(begun.doc);
    if (state === 'hang') return await released.promise;
    inHand.delete(begun.doc.mailboxAddress);
    await beat();
    const totals = { ...zeroTotals, itemsNew: 1, itemsTotal: 10, gapsOpen: state === 'warning' ? 2 : 0 };
    await modify(tasks, message.taskId, (task) =>
      task.state === 'running' && !isStopped ? { ...task, state, totals } : undefined,
    );
    if (options.publishesEvents !== false) await publish(message, begun.doc);
  }

  async function publish(message: SyncTask, task: RunTask): Promise<void> {
    const { taskId, runId, jobId, organizationId, repositoryId, mailboxId } = message;
    const data = { taskId, runId, jobId, organizationId, repositoryId, mailboxId };
    const about = { source: 'test', subject: taskId, key: taskId, time: '2026-01-01T00:00:00.000Z' };
    const { mailboxAddress } = task;
    const synced = {
      ...data,
      mailboxAddress,
      outcome: 'success' as const,
      changed: true,
      totals: zeroTotals,
    };
    await messaging.publishEvent(makeEvent('mailbox.synced', { ...about, data: synced }));
  }

  const serve = (sign: ActiveRun): Promise<Running> =>
    messaging.consumeTasks({
      kind: 'sync',
      pool,
      owner: sign.runId,
      maxAckPending: sign.concurrency,
      maxDeliver: sign.attempts,
      gate: createGate(sign.concurrency),
      parse: (json) => syncTaskSchema.parse(json),
      async handle(task) {
        await work(task);
        return { kind: 'done' };
      },
      async onParked(task) {
        await modify(tasks, task.taskId, (found) => ({ ...found, state: 'failed' as const }));
      },
    });

  const active = await messaging.keyValue(buckets.runsActive, {
    parse: (json) => activeRunSchema.parse(json),
  });
  const watching = await active.watch((runId, sign) => {
    if (isStopped || (sign !== undefined && sign.pool !== pool)) return;
    if (sign !== undefined && !consumers.has(runId)) consumers.set(runId, serve(sign));
  });
  const answering = await serveQuestion(messaging, pool, 'refreshInventory', async ({ groupIds }) => {
    await options.refresh?.(groupIds);
    return { mailboxes: 0, gone: 0 };
  });
  await beat();
  return {
    worked,
    delivered,
    get peak() {
      return peak;
    },
    async stop() {
      isStopped = true;
      await watching.stop();
      await answering.stop();
      // A task that hangs never lets its consumer stop, as a process that was killed.
      for (const consumer of consumers.values()) void consumer.then((running) => running.stop());
      await heartbeats.delete(name);
    },
    release: () => released.resolve(),
  };
}
