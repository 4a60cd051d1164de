import { join } from 'node:path';
import {
  collections,
  type Mailbox,
  mailboxIdentityOf,
  pointIdOf,
  type RestorePointRecord,
  type RetentionPolicy,
  retentionSchema,
  retentionSettingsSchema,
  zeroTotals,
} from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createRepository, openBlobStore, openRepository, type Repository } from '@holdfast/repository';
import { createMetrics, silentLogger } from '@holdfast/runtime';
import { all, createSealer, modify, openStore, type Store, upsert } from '@holdfast/store';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  type FakeClock,
  fakeClock,
  seededRandom,
  temporaryDirectory,
} from '@holdfast/testing';
import type { z } from 'zod';
import { repositoryPoints } from '../../services/retention/src/adapters/repositoryPoints.ts';
import { startRetention } from '../../services/retention/src/index.ts';
import { createRetentionMetrics } from '../../services/retention/src/metrics.ts';

const passphrase = 'correct horse battery';
const dayMs = 24 * 60 * 60 * 1000;
const organization = buildOrganization();

/** What a mailbox held at each of its restore points: time of the point → keys of its items. */
export type Model = Map<number, ReadonlySet<string>>;

export interface GrowOptions {
  fromMs: number;
  days: number;
  /** Whether the mailbox changes on a day; an unchanged mailbox gets no restore point. */
  changes: (day: number) => boolean;
  /** Items before this are left out, given the time of the point: what a job with an item age does. */
  cutOffMs?: (pointMs: number) => number;
}

/** A repository on disk, control data in SQLite, and the retention service over them; time is moved by hand. */
export interface History {
  clock: FakeClock;
  store: Store;
  repository: Repository;
  mailbox(name: string): Mailbox;
  /** Backs a mailbox up every night, as sync does. */
  grow(name: string, options: GrowOptions): Promise<Model>;
  policy(given: z.input<typeof retentionSchema>): Promise<RetentionPolicy>;
  settings(given: z.input<typeof retentionSettingsSchema>): Promise<void>;
  approve(): Promise<number>;
  /** Moves the clock to the next daily pass and waits for its end. */
  nextPass(): Promise<{ condemned: number; recalled: number; expired: number; guarded: number }>;
  /** Times of the complete points that are in the repository. */
  times(name: string): Promise<number[]>;
  names(name?: string): Promise<string[]>;
  /** Times of the points that wait. */
  waiting(name: string): Promise<number[]>;
  /** Keys of the items of a mailbox at a restore point, read from the repository. */
  itemsAt(name: string, timeMs: number): Promise<Set<string>>;
  end(): Promise<void>;
}

interface MailboxTree {
  tree: Awaited<ReturnType<Awaited<ReturnType<Repository['openSession']>>['openTree']>>;
  items: { key: string; time: number }[];
}

export async function createHistory(startMs: number): Promise<History> {
  const directory = temporaryDirectory('retention-history');
  const clock = fakeClock(new Date(startMs).toISOString());
  const store = await openStore(`sqlite:${directory.at('holdfast.db')}`);
  const path = directory.at('repository');
  const place = await openBlobStore({ kind: 'fs', path });
  const kdf = { name: 'scrypt', n: 16, r: 1, p: 1 } as const;
  const { repositoryId: engineId } = await createRepository(place, { passphrase, kdf });
  const cacheDir = directory.at('cache');
  const repository = await openRepository(place, {
    ...{ secret: { passphrase }, cacheDir: join(cacheDir, 'writer'), threads: 0, commitIntervalMs: 0 },
  });
  const session = await repository.openSession({ writer: 'test' });
  const sealer = createSealer({ keys: [{ id: 'k1', key: Buffer.alloc(32, 3) }] });
  const backend = { kind: 'fs', path } as const;
  const sealedPassphrase = sealer.seal(passphrase, `repository:${path}`);
  const record = buildRepository({ backend, engineId, sealedPassphrase });
  await store.collection(collections.organizations).insert(organization);
  await store.collection(collections.repositories).insert(record);
  await store.collection(collections.jobs).insert(buildJob());
  const repositories = repositoryPoints({
    ...{ sealer, cacheDir: join(cacheDir, 'retention'), clock, logger: silentLogger, idleMs: 30 * dayMs },
  });
  const broker = memoryBroker();
  const messaging: Messaging = memoryMessaging({ broker });
  const retention = await startRetention({
    ...{ store, messaging, openPoints: repositories.open, clock, logger: silentLogger },
    ...{
      metrics: createRetentionMetrics(createMetrics('retention')),
      instance: 'retention-1',
      pool: 'default',
    },
  });
  const trees = new Map<string, MailboxTree>();
  const mailbox = (name: string): Mailbox => buildMailbox({ userId: name });
  const identityOf = (name: string): string => mailboxIdentityOf(organization.tenantId, name);
  let passes = 0;

  /** Three messages a night; of four in the mailbox one is deleted by its owner. Attachments are everybody's. */
  async function liveADay(name: string, box: MailboxTree, nightMs: number, cutOffMs: number): Promise<void> {
    const { next: random } = seededRandom((nightMs / 1_000 + name.length) % 2 ** 31);
    for (let n = 0; n < 3; n += 1) {
      const time = nightMs - 1 - Math.floor(random() * dayMs);
      const key = `${name}-${nightMs}-${n}`;
      const attachment = Buffer.alloc(2_000, new Date(nightMs).toISOString().slice(0, 7));
      const { objectId } = await session.storeItem({
        properties: { subject: `${name} at ${time}` },
        extraParts: [{ name: 'attachment', data: attachment }],
      });
      await box.tree.putItem('inbox', {
        ...{ key, time, objectId, changeKey: 'v1', size: 2_000, state: {}, summary: { subject: key } },
      });
      box.items.push({ key, time });
    }
    const stays: MailboxTree['items'] = [];
    for (const item of box.items) {
      const isDeleted = random() < 0.004;
      if (isDeleted || item.time < cutOffMs) await box.tree.removeItem('inbox', item.key, item.time);
      else stays.push(item);
    }
    box.items = stays;
  }

  async function treeOf(name: string): Promise<MailboxTree> {
    const known = trees.get(name);
    if (known !== undefined) return known;
    const tree = await session.openTree();
    await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox', role: 'inbox' });
    const made: MailboxTree = { tree, items: [] };
    trees.set(name, made);
    const { id, address } = mailbox(name);
    await store.collection(collections.mailboxes).insert(mailbox(name));
    await store.collection(collections.mailboxHeads).insert({
      ...{ id: `${record.id}.${id}`, repositoryId: record.id, mailboxId: id, mailboxAddress: address },
      ...{ organizationId: organization.id, epoch: 1 },
    });
    return made;
  }

  async function commit(
    name: string,
    root: string,
    nightMs: number,
    items: number,
  ): Promise<RestorePointRecord> {
    const time = new Date(nightMs).toISOString();
    const runId = `run-${nightMs}`;
    const { id: mailboxId, address: mailboxAddress } = mailbox(name);
    const pointId = pointIdOf(runId, mailboxId);
    const common = { pointId, time, runId, jobId: 'job-1', mailboxAddress, organizationId: organization.id };
    const ref = await session.commitPoint({
      ...{ ...common, kind: 'full', root, mailboxIdentity: identityOf(name), cursors: {}, gaps: [] },
      ...{ startedAt: time, finishedAt: time, writerVersion: 'test' },
      counts: { reported: items, stored: items, folders: 1, new: 3, changed: 0, removed: 0, bytes: 0 },
    });
    return {
      ...{ ...common, id: `${record.id}.${pointId}`, pointName: ref.name, kind: 'full', committedAt: time },
      ...{
        repositoryId: record.id,
        mailboxId,
        itemsTotal: items,
        folders: 1,
        gapsOpen: 0,
        totals: zeroTotals,
      },
    };
  }

  async function refsOf(name: string | undefined): Promise<{ name: string; time: number }[]> {
    const refs: { name: string; time: number }[] = [];
    const filter = name === undefined ? {} : { mailboxKey: repository.mailboxKey(identityOf(name)) };
    for await (const ref of repository.points(filter)) refs.push({ name: ref.name, time: ref.time });
    return refs;
  }

  async function completed(): Promise<
    { condemned: number; recalled: number; expired: number; guarded: number }[]
  > {
    const found: { condemned: number; recalled: number; expired: number; guarded: number }[] = [];
    for await (const { doc } of all(store.collection(collections.events))) {
      if (doc.name === 'retention.completed') found.push(doc.event.data as never);
    }
    return found;
  }

  return {
    ...{ clock, store, repository, mailbox },
    async grow(name, { fromMs, days, changes, cutOffMs = () => 0 }) {
      const box = await treeOf(name);
      const model: Model = new Map();
      const records: RestorePointRecord[] = [];
      for (let day = 0; day < days; day += 1) {
        if (!changes(day)) continue;
        const nightMs = fromMs + day * dayMs;
        await liveADay(name, box, nightMs, cutOffMs(nightMs));
        const { root } = await box.tree.commit();
        records.push(await commit(name, root, nightMs, box.items.length));
        model.set(nightMs, new Set(box.items.map(({ key }) => key)));
      }
      // Together, so that they share a transaction.
      await Promise.all(records.map((one) => store.collection(collections.restorePoints).insert(one)));
      return model;
    },
    async policy(given) {
      const retention = retentionSchema.parse(given);
      await modify(store.collection(collections.jobs), 'job-1', (job) => ({ ...job, retention }));
      return retention;
    },
    async settings(given) {
      const retention = retentionSettingsSchema.parse(given);
      await upsert(store.collection(collections.settings), 'global', () => ({
        id: 'global' as const,
        retention,
      }));
    },
    async approve() {
      let approved = 0;
      const guards = store.collection(collections.retentionGuards);
      for await (const { doc } of all(guards)) {
        await modify(guards, doc.id, (guard) => ({
          ...guard,
          state: 'approved' as const,
          approvedBy: 'ada',
        }));
        approved += 1;
      }
      return approved;
    },
    async nextPass() {
      // Events of earlier passes are pruned with time, so they are counted by what is new.
      const before = new Set((await completed()).map((one) => JSON.stringify(one)));
      const limit = performance.now() + 900_000;
      await clock.advance(passes === 0 ? 61_000 : dayMs);
      passes += 1;
      for (;;) {
        const fresh = (await completed()).filter((one) => !before.has(JSON.stringify(one)));
        const [first] = fresh;
        if (first !== undefined) return first;
        if (performance.now() > limit) throw new Error('the daily pass did not end');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    times: async (name) => (await refsOf(name)).map(({ time }) => time),
    names: async (name) => (await refsOf(name)).map((ref) => ref.name),
    async waiting(name) {
      const found: number[] = [];
      const where = { repositoryId: record.id, mailboxId: mailbox(name).id };
      for await (const { doc } of all(store.collection(collections.restorePoints), { where })) {
        if (doc.condemned !== undefined) found.push(Date.parse(doc.time));
      }
      return found.sort((a, b) => a - b);
    },
    async itemsAt(name, timeMs) {
      const ref = (await refsOf(name)).find(({ time }) => time === timeMs);
      if (ref === undefined)
        throw new Error(`no restore point of ${name} at ${new Date(timeMs).toISOString()}`);
      const { root } = await repository.readPoint(ref.name);
      const keys = new Set<string>();
      for await (const item of repository.tree(root).items('inbox')) keys.add(item.key);
      return keys;
    },
    async end() {
      let isStopped = false;
      const stopping = retention.stop().finally(() => {
        isStopped = true;
      });
      while (!isStopped) {
        await clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await stopping;
      const closing = repositories.close();
      await clock.advance(31 * dayMs);
      await closing;
      for (const { tree } of trees.values()) await tree.close();
      await repository.close();
      await messaging.close();
      await store.close();
      directory.remove();
    },
  };
}
