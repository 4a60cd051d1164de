import {
  type ActiveRun,
  activeRunSchema,
  buckets,
  collections,
  eventRecordSchema,
  mailboxIdOf,
  type Run,
  taskIdOf,
} from '@holdfast/contracts';
import { type MemoryExchange, memoryExchange } from '@holdfast/exchange/testing';
import type { Messaging } from '@holdfast/messaging';
import { type MemoryBroker, memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createRepository, openBlobStore } from '@holdfast/repository';
import { type Clock, createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { createRepositoryHub } from '../adapters/repositoryHub.ts';
import { createSyncMetrics } from '../metrics.ts';
import { type SyncService, startSync } from '../service.ts';
import { testSettings } from './world.ts';

export const passphrase = 'four random words here';
export const sealer = { open: () => passphrase };
const cheapKdf = { name: 'scrypt', n: 16, r: 8, p: 1 } as const;

const settings = {
  ...testSettings,
  sliceItems: 10,
  checkpoint: { items: 1000, bytes: 1 << 30, ms: 1 << 30 },
};

let number = 0;

/** What a proxy works with, each part in memory: a broker, control data, a source, and one repository. */
export interface ProxyWorld {
  broker: MemoryBroker;
  store: Store;
  exchange: MemoryExchange;
  messaging: Messaging;
  /** Name of the storage of the repository. */
  place: string;
  cachePath: string;
  running: SyncService[];
  brokers: Messaging[];
  close(): Promise<void>;
}

export async function createProxyWorld(): Promise<ProxyWorld> {
  const broker = memoryBroker();
  const cache = await temporaryDirectory();
  const world: ProxyWorld = {
    broker,
    messaging: memoryMessaging({ broker }),
    store: memoryStore(),
    exchange: memoryExchange(),
    place: `sync-service-${++number}`,
    cachePath: cache.path,
    running: [],
    brokers: [],
    async close() {
      await Promise.all(world.running.splice(0).map((service) => service.stop()));
      await world.messaging.close();
      await Promise.all(world.brokers.splice(0).map((one) => one.close()));
      await world.store.close();
      await cache.remove();
    },
  };
  const blobs = await openBlobStore({ kind: 'memory', name: world.place });
  await createRepository(blobs, { passphrase, kdf: cheapKdf });
  await world.store.collection(collections.organizations).insert(buildOrganization());
  await world.store.collection(collections.repositories).insert(buildRepository());
  return world;
}

async function startProxyIn(
  world: ProxyWorld,
  instance: string,
  { slots = 4, clock = systemClock }: { slots?: number; clock?: Clock },
): Promise<SyncService> {
  const own = memoryMessaging({ broker: world.broker });
  world.brokers.push(own);
  const service = await startSync({
    messaging: own,
    store: world.store,
    openConnector: () => world.exchange,
    repositories: createRepositoryHub({
      ...{ sealer, clock: systemClock, logger: silentLogger, instance, version: 'test' },
      ...{
        open: { cacheDir: world.cachePath, threads: 0, commitIntervalMs: 5 },
        idleMs: 60_000,
        rotateMs: 3600_000,
        create: { kdf: cheapKdf },
      },
      specOf: () => ({ kind: 'memory', name: world.place }),
    }),
    ...{ clock, logger: silentLogger, instance, version: 'test', pool: 'default' },
    metrics: createSyncMetrics(createMetrics('sync')),
    ...{ slots, memoryBytes: 1 << 24, heartbeatMs: 1000, work: settings },
  });
  world.running.push(service);
  return service;
}

/** What is done in a world; `of` tells the one of the present test. */
export function proxyActions(of: () => ProxyWorld) {
  const startProxy = (instance = 'proxy-1', options: { slots?: number; clock?: Clock } = {}) =>
    startProxyIn(of(), instance, options);

  /** A run with one task for each mailbox, announced as the scheduler does it. */
  async function startRun(
    runId: string,
    userIds: readonly string[],
    attempts = 3,
    more: Partial<Run> = {},
  ): Promise<void> {
    const pointTime = new Date().toISOString();
    const run = buildRun({ id: runId, state: 'running', attempts, pointTime, ...more });
    await of().store.collection(collections.runs).insert(run);
    for (const [position, userId] of userIds.entries()) {
      const mailboxId = mailboxIdOf('org-1', userId);
      const task = buildRunTask({ runId, mailboxId, position, mailboxAddress: `${userId}@example.com` });
      await of().store.collection(collections.runTasks).insert(task);
    }
    await of().messaging.ensureTaskConsumer({
      ...{ kind: 'sync', pool: 'default', owner: runId, maxAckPending: 3, maxDeliver: attempts },
    });
    await active(runId, { stop: false, attempts });
    for (const userId of userIds) await send(runId, userId, pointTime, 'first');
  }

  async function active(runId: string, more: Partial<ActiveRun>): Promise<void> {
    const bucket = await of().messaging.keyValue(buckets.runsActive, {
      parse: (json) => activeRunSchema.parse(json),
    });
    await bucket.put(runId, { runId, pool: 'default', concurrency: 3, attempts: 3, stop: false, ...more });
  }

  async function send(runId: string, userId: string, pointTime: string, try_: string): Promise<void> {
    const mailboxId = mailboxIdOf('org-1', userId);
    const ids = { runId, jobId: 'job-1', organizationId: 'org-1', repositoryId: 'repo-1', mailboxId };
    const taskId = taskIdOf(runId, mailboxId);
    await of().messaging.publishTask(
      'sync',
      'default',
      runId,
      { taskId, ...ids, pointTime },
      `${taskId}.${try_}`,
    );
  }

  async function addMailbox(userId: string, messages: number) {
    await of().store.collection(collections.mailboxes).insert(buildMailbox({ userId }));
    const mailbox = of().exchange.addMailbox({ userId, address: `${userId}@example.com` });
    for (let n = 0; n < messages; n++) mailbox.addMessage(n % 2 === 0 ? 'inbox' : 'sentitems');
    return mailbox;
  }

  const taskOf = async (runId: string, userId: string) =>
    (
      await of()
        .store.collection(collections.runTasks)
        .get(taskIdOf(runId, mailboxIdOf('org-1', userId)))
    )?.doc;

  async function ended(runId: string, userId: string) {
    return waitFor(
      async () => {
        const task = await taskOf(runId, userId);
        return task?.finishedAt === undefined ? undefined : task;
      },
      { what: `the task of ${userId} has ended` },
    );
  }

  const eventNames = async () =>
    (
      await of()
        .store.collection(collections.events)
        .find({ sort: { field: 'time', order: 'asc' } })
    ).items.map(({ doc }) => eventRecordSchema.parse(doc).name);

  return { startProxy, startRun, active, send, addMailbox, ended, eventNames };
}
