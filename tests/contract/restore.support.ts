import {
  collections,
  type LedgerLine,
  type Mailbox,
  mailboxIdOf,
  type PlanLine,
  type RestoreInput,
  type RestorePart,
  type RestoreSession,
  restoreInputSchema,
} from '@holdfast/contracts';
import type { MailboxConnector } from '@holdfast/exchange';
import type { MessageSnapshot, SimulatorControl } from '@holdfast/exchange-simulator';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createPointHub, createRestoreMetrics, startRestore } from '@holdfast/restore-service';
import { createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import { memoryStore } from '@holdfast/store/testing';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRestorePart,
  buildRestoreSession,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import {
  backUpToEngine,
  createEngineRepository,
  passphrase,
} from '../../services/restore/src/testing/enginePoint.ts';
import { startWorld, type World } from './exchange.support.ts';

/** What a restore left behind: its session, its plan and its ledger. */
export interface Outcome {
  session: RestoreSession;
  plan: PlanLine[];
  ledger: LedgerLine[];
}

/** A restore worker over a simulated tenant, with a repository in memory. */
export interface RestoreBench {
  control: SimulatorControl;
  world: World;
  connector: MailboxConnector;
  /** Directory ids of the users. */
  users: string[];
  /** Backs a mailbox up as it is now. */
  backUp(
    userId: string,
    options?: { recoverable?: boolean },
  ): Promise<{ pointName: string; pointId: string }>;
  /** Carries a restore out to its end, approving its plan; `before` runs between plan and approval. */
  restore(
    userId: string,
    point: { pointName: string; pointId: string },
    input?: Partial<RestoreInput>,
    more?: { before?: () => Promise<void>; part?: Partial<RestorePart> },
  ): Promise<Outcome>;
  /** Messages of a mailbox that are not in Recoverable Items. */
  messages(userId: string): Promise<MessageSnapshot[]>;
  stop(): Promise<void>;
}

let number = 0;

export async function startRestoreBench(
  options: Parameters<typeof startWorld>[0] = {},
  connection: Parameters<World['connect']>[0] = {},
): Promise<RestoreBench> {
  const world = await startWorld(options);
  const { control } = world.sim;
  const connector = world.connect(connection);
  const users = (await control.users()).map(({ id }) => id);
  const place = `restore-bench-${++number}`;
  const cache = await temporaryDirectory();
  await createEngineRepository(place);
  const broker = memoryBroker();
  const messaging = memoryMessaging({ broker });
  const store = memoryStore();
  await store.collection(collections.organizations).insert(buildOrganization());
  await store.collection(collections.repositories).insert(buildRepository());
  const mailboxes = new Map<string, Mailbox>();
  for (const userId of users) {
    const mailbox = buildMailbox({ userId });
    mailboxes.set(userId, mailbox);
    await store.collection(collections.mailboxes).insert(mailbox);
  }
  // The service closes what it opens; the connector lives as long as the bench.
  const lasting: MailboxConnector = {
    directory: connector.directory,
    reader: (ref, given) => connector.reader(ref, given),
    writer: (ref, given) => connector.writer(ref, given),
    close: () => Promise.resolve(),
  };
  const service = await startRestore({
    ...{ messaging, store, clock: systemClock, logger: silentLogger, instance: 'restore-1', pool: 'default' },
    ...{ slots: 2, sessionsAtOnce: 8, attempts: 3, reconcileMs: 200, openConnector: () => lasting },
    points: createPointHub({
      ...{ sealer: { open: () => passphrase }, clock: systemClock, logger: silentLogger, idleMs: 60_000 },
      open: { cacheDir: cache.path },
      specOf: () => ({ kind: 'memory', name: place }),
    }),
    metrics: createRestoreMetrics(createMetrics('restore')),
    work: {
      ...{ itemsAtOnce: 4, mailboxesAtOnce: 2, saveEveryMs: 50 },
      budget: { requests: 9850, uploadBytes: 147_750_000, concurrency: 4 },
    },
  });
  const sessions = store.collection(collections.restoreSessions);
  const offer = (id: string, key: string) =>
    messaging.publishTask('restore', 'default', id, { sessionId: id }, `${id}.${key}`);
  const reaches = (id: string, states: readonly string[]) =>
    waitFor(
      async () => {
        const doc = (await sessions.get(id))?.doc;
        return doc !== undefined && states.includes(doc.state) ? doc : undefined;
      },
      { what: `restore ${id} is ${states.join(' or ')}`, timeoutMs: 60_000 },
    );
  const endStates = ['success', 'warning', 'failed', 'cancelled'];
  let points = 0;
  return {
    ...{ control, world, connector, users },
    backUp: (userId, options) =>
      backUpToEngine(
        ...([place, cache.path, connector, { userId, address: `${userId}@contoso.example` }] as const),
        (++points).toString(16).padStart(24, '0'),
        options,
      ),
    async restore(userId, point, input = {}, { before, part } = {}) {
      const id = `restore-${++number}`;
      const mailbox = mailboxes.get(userId) as Mailbox;
      const common = { mailboxId: mailboxIdOf('org-1', userId), mailboxAddress: mailbox.address, ...point };
      const full = restoreInputSchema.parse({
        repositoryId: 'repo-1',
        ...input,
        mailboxId: common.mailboxId,
        approve: false,
      });
      await store
        .collection(collections.restoreParts)
        .insert(buildRestorePart({ sessionId: id, ...common, targetAddress: mailbox.address, ...part }));
      await sessions.insert(
        buildRestoreSession({ id, ...common, input: full, requestedAt: new Date().toISOString() }),
      );
      await offer(id, 'requested');
      const planned = await reaches(id, ['planned', ...endStates]);
      if (planned.state === 'planned') {
        await before?.();
        const stored = await sessions.get(id);
        if (stored === undefined) throw new Error('the session is gone');
        await sessions.replace({ ...stored.doc, state: 'approved' }, stored.version);
        await offer(id, 'approved');
      }
      const session = await reaches(id, endStates);
      const where = { sessionId: id };
      const pages = await store.collection(collections.restorePlan).find({ where, limit: 1000 });
      const lines = await store.collection(collections.restoreLedger).find({ where, limit: 1000 });
      return {
        session,
        plan: pages.items.flatMap(({ doc }) => doc.lines),
        ledger: lines.items.map(({ doc }) => doc),
      };
    },
    async messages(userId) {
      const { folders, messages } = await control.snapshot(userId);
      const hidden = new Set(
        folders.filter((one) => one.wellKnownName?.startsWith('recoverable')).map(({ id }) => id),
      );
      return messages.filter(({ folderId }) => !hidden.has(folderId));
    },
    async stop() {
      await service.stop();
      await messaging.close();
      await store.close();
      await world.close();
      await cache.remove();
    },
  };
}
