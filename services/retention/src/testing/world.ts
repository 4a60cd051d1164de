import {
  collections,
  type EventName,
  type Hold,
  type HoldfastEvent,
  mailboxIdentityOf,
  makeEvent,
  pointIdOf,
  type RepositoryRecord,
  type RestorePointRecord,
  type Run,
  retentionSettingsSchema,
  zeroTotals,
} from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createRepository, openBlobStore, openRepository, type Repository } from '@holdfast/repository';
import { createMetrics, silentLogger } from '@holdfast/runtime';
import { all, createSealer, type Store, upsert } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  type FakeClock,
  fakeClock,
  temporaryDirectory,
} from '@holdfast/testing';
import type { z } from 'zod';
import { repositoryPoints } from '../adapters/repositoryPoints.ts';
import { createRetentionMetrics } from '../metrics.ts';
import type { OpenPointStore } from '../ports.ts';
import { type Retention, startRetention } from '../service.ts';

const passphrase = 'correct horse battery';
const start = '2026-11-22T02:00:00.000Z';
const organization = buildOrganization();
export const mailbox = buildMailbox({ userId: 'ann' });
let worlds = 0;

/** A real repository in memory with control data beside it. */
export interface World {
  store: Store;
  repository: Repository;
  record: RepositoryRecord;
  clock: FakeClock;
  openPoints: OpenPointStore;
  messaging(): Messaging;
  addJob(given?: Parameters<typeof buildJob>[0]): Promise<void>;
  /** A restore point as sync makes it: in the repository, then in the control data. */
  addPoint(
    runId: string,
    hours: number,
    given?: { kind?: 'full' | 'checkpoint'; jobId?: string; withoutRecord?: boolean },
  ): Promise<string>;
  /** An ended run that made a point of the mailbox. */
  addRun(runId: string): Promise<Run>;
  retention(options?: { openPoints?: OpenPointStore; instance?: string }): Promise<Retention>;
  /** Global settings of retention; without waiting when a test says nothing. */
  settings(given: z.input<typeof retentionSettingsSchema>): Promise<void>;
  hold(given?: Partial<Hold>): Promise<void>;
  tell(run: Run): Promise<void>;
  /** Hours of the points in the repository, with `c` for a checkpoint. */
  points(): Promise<string[]>;
  /** Hours of the points in the control data. */
  records(): Promise<string[]>;
  /** The record of the point that a run made. @throws when there is none */
  recordOf(runId: string): Promise<RestorePointRecord>;
  /** Hours of a point that is or was there. */
  hoursOfPoint(pointId: string): string;
  events(name: EventName): Promise<HoldfastEvent[]>;
  until(what: string, condition: () => Promise<boolean> | boolean, stepMs?: number): Promise<void>;
  end(): Promise<void>;
}

const hourMs = 3_600_000;
const baseMs = new Date('2026-11-01T00:00:00.000Z').getTime();
const timeOf = (hours: number): string => new Date(baseMs + hours * hourMs).toISOString();
const hoursOf = (timeMs: number): string => String((timeMs - baseMs) / hourMs);

export async function createWorld(): Promise<World> {
  worlds += 1;
  const name = `retention-${worlds}`;
  const clock = fakeClock(start);
  const store = memoryStore();
  const broker = memoryBroker();
  const directory = temporaryDirectory('retention');
  const sealer = createSealer({ keys: [{ id: 'k1', key: Buffer.alloc(32, 3) }] });
  const place = await openBlobStore({ kind: 'memory', name });
  const kdf = { name: 'scrypt', n: 2, r: 1, p: 1 } as const;
  const { repositoryId } = await createRepository(place, { passphrase, kdf });
  const cacheDir = directory.at('cache');
  const repository = await openRepository(place, {
    ...{ secret: { passphrase }, cacheDir, threads: 0, commitIntervalMs: 0 },
  });
  const session = await repository.openSession({ writer: 'test' });
  const tree = await session.openTree();
  const { root } = await tree.commit();
  const backend = { kind: 'fs', path: `/memory/${name}` } as const;
  const record = buildRepository({
    backend,
    engineId: repositoryId,
    sealedPassphrase: sealer.seal(passphrase, `repository:${backend.path}`),
  });
  await store.collection(collections.organizations).insert(organization);
  await store.collection(collections.mailboxes).insert(mailbox);
  await store.collection(collections.repositories).insert(record);
  await store.collection(collections.settings).insert({
    id: 'global',
    retention: retentionSettingsSchema.parse({ waitDays: 0 }),
  });
  const identity = mailboxIdentityOf(organization.tenantId, mailbox.userId);
  const repositories = repositoryPoints({
    ...{ sealer, cacheDir, clock, logger: silentLogger, idleMs: hourMs },
    specOf: () => ({ kind: 'memory', name }),
  });
  const hoursById = new Map<string, string>();
  const closers: (() => Promise<void>)[] = [
    async () => directory.remove(),
    () => repository.close(),
    () => repositories.close(),
  ];
  const messaging = (): Messaging => {
    const made = memoryMessaging({ broker });
    closers.push(() => made.close());
    return made;
  };

  return {
    ...{ store, repository, record, clock, messaging },
    openPoints: repositories.open,
    async addJob(given = {}) {
      await store.collection(collections.jobs).insert(buildJob({ retention: { keepLast: 2 }, ...given }));
    },
    async addPoint(runId, hours, { kind = 'full', jobId = 'job-1', withoutRecord = false } = {}) {
      const time = timeOf(hours);
      const checkpointId = Buffer.from(`${runId}${hours}`.padEnd(10, '.')).toString('hex').slice(0, 32);
      const pointId = kind === 'full' ? pointIdOf(runId, mailbox.id) : checkpointId;
      hoursById.set(pointId, String(hours));
      const ref = await session.commitPoint({
        ...{ pointId, kind, time, root, jobId, runId, cursors: {}, gaps: [] },
        ...{ mailboxIdentity: identity, mailboxAddress: mailbox.address, organizationId: organization.id },
        ...{ startedAt: time, finishedAt: time, writerVersion: 'test' },
        counts: { reported: 0, stored: 0, folders: 0, new: 0, changed: 0, removed: 0, bytes: 0 },
      });
      const id = `${record.id}.${pointId}`;
      if (kind === 'full' && !withoutRecord) {
        await store.collection(collections.restorePoints).insert({
          ...{ id, pointId, pointName: ref.name, repositoryId: record.id, organizationId: organization.id },
          ...{
            mailboxId: mailbox.id,
            mailboxAddress: mailbox.address,
            jobId,
            runId,
            kind,
            time,
            committedAt: time,
          },
          ...{ itemsTotal: 0, folders: 0, gapsOpen: 0, totals: zeroTotals },
        });
      }
      return ref.name;
    },
    async addRun(runId) {
      const run = buildRun({ id: runId, state: 'success', outcome: 'success', finishedAt: start });
      await store.collection(collections.runs).insert(run);
      const pointId = pointIdOf(runId, mailbox.id);
      await store
        .collection(collections.runTasks)
        .insert(buildRunTask({ runId, mailboxId: mailbox.id, state: 'success', pointId }));
      return run;
    },
    async settings(given) {
      const retention = retentionSettingsSchema.parse(given);
      await upsert(store.collection(collections.settings), 'global', () => ({
        id: 'global' as const,
        retention,
      }));
    },
    async hold(given = {}) {
      await store.collection(collections.holds).insert({
        ...{ id: 'hold-1', mailboxId: mailbox.id, mailboxAddress: mailbox.address },
        ...{ reason: 'a case', by: 'ada', at: start },
        ...given,
      });
    },
    async retention({ openPoints = repositories.open, instance = 'retention-1' } = {}) {
      const retention = await startRetention({
        ...{
          store,
          messaging: messaging(),
          openPoints,
          clock,
          logger: silentLogger,
          instance,
          pool: 'default',
        },
        metrics: createRetentionMetrics(createMetrics('retention')),
      });
      closers.push(() => retention.stop());
      return retention;
    },
    async tell(run) {
      const { id: runId, jobId, organizationId, repositoryId: ofRepository, number, tasks, totals } = run;
      const event = makeEvent('run.completed', {
        ...{ source: 'test', subject: runId, key: runId, time: start },
        data: {
          ...{ runId, jobId, organizationId, repositoryId: ofRepository, number, tasks, totals },
          ...{ outcome: 'success', finishedAt: start },
        },
      });
      await messaging().publishEvent(event);
    },
    async points() {
      const found: string[] = [];
      const mailboxKey = repository.mailboxKey(identity);
      for await (const ref of repository.points({ mailboxKey })) {
        found.push(`${hoursOf(ref.time)}${ref.kind === 'full' ? '' : 'c'}`);
      }
      return found;
    },
    async records() {
      const found: string[] = [];
      const where = { repositoryId: record.id, mailboxId: mailbox.id };
      const sort = { field: 'time', order: 'asc' } as const;
      for await (const { doc } of all(store.collection(collections.restorePoints), { where, sort })) {
        found.push(hoursOf(new Date(doc.time).getTime()));
      }
      return found;
    },
    async recordOf(runId) {
      const id = `${record.id}.${pointIdOf(runId, mailbox.id)}`;
      const found = await store.collection(collections.restorePoints).get(id);
      if (found === undefined) throw new Error(`no record ${id}`);
      return found.doc;
    },
    hoursOfPoint: (pointId) => hoursById.get(pointId) ?? '?',
    async events(wanted) {
      const found: HoldfastEvent[] = [];
      for await (const { doc } of all(store.collection(collections.events))) {
        if (doc.name === wanted) found.push(doc.event as unknown as HoldfastEvent);
      }
      return found;
    },
    async until(what, condition, stepMs = 500) {
      const limit = performance.now() + 50_000;
      while (!(await condition())) {
        if (performance.now() > limit) throw new Error(`still not so: ${what}`);
        await clock.advance(stepMs);
        // Event retries of the broker wait in real time.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    async end() {
      for (const close of closers.reverse()) {
        let isClosed = false;
        const closing = close().finally(() => {
          isClosed = true;
        });
        for (let n = 0; !isClosed && n < 1_000; n += 1) await clock.advance(1_000);
        await closing;
      }
    },
  };
}
