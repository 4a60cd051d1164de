import { type Catalog, type Shelf, type ShelfFacts, shelfIdOf } from '@holdfast/catalog';
import {
  errorFacts,
  type HoldfastEvent,
  type MailboxHead,
  type Organization,
  type RepositoryRecord,
  type RestorePointRecord,
} from '@holdfast/contracts';
import type { Messaging, Running } from '@holdfast/messaging';
import { type BlobStoreSpec, parsePointName } from '@holdfast/repository';
import type { Clock, Logger } from '@holdfast/runtime';
import { all, type Collection } from '@holdfast/store';
import type { CatalogIndexer } from '../adapters/catalogIndexer.ts';
import type { CatalogMetrics } from './catalogMetrics.ts';

export interface CatalogLoopDeps {
  catalog: Catalog;
  indexer: CatalogIndexer;
  messaging: Messaging;
  organizations: Collection<Organization>;
  repositories: Collection<RepositoryRecord>;
  heads: Collection<MailboxHead>;
  points: Collection<RestorePointRecord>;
  /** What opens a repository. */
  connection(record: RepositoryRecord): { spec: BlobStoreSpec; passphrase: string };
  clock: Clock;
  logger: Logger;
  metrics: CatalogMetrics;
  instance: string;
  /** How often waiting mailboxes are looked for when no event says so. */
  pollMs: number;
  /** How often the catalog is compared with the control data. */
  reconcileMs: number;
}

const shelvesAtOnce = 20;
const retryAfterMs = [5_000, 30_000, 120_000, 600_000];

/**
 * Keeps the catalog up to date, until it is stopped: events say what is new, the catalog itself holds what is to be
 * done, the control data is compared now and then. Backups never wait for any of it.
 */
export async function startCatalogLoop(deps: CatalogLoopDeps): Promise<Running> {
  const { clock, logger } = deps;
  const stopping = new AbortController();
  const failures = new Map<string, { tries: number; next: number }>();
  let wake: () => void = () => undefined;
  let woken = false;
  const nudge = (): void => {
    woken = true;
    wake();
  };

  async function pause(): Promise<void> {
    if (!woken) {
      const waking = new AbortController();
      wake = () => waking.abort();
      await clock.sleep(deps.pollMs, AbortSignal.any([stopping.signal, waking.signal]));
    }
    woken = false;
  }

  async function guarded(what: string, body: () => Promise<void>): Promise<void> {
    await body().catch((error: unknown) => logger.warn({ error }, what));
  }

  async function loop(): Promise<void> {
    let compared = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      if (clock.now() - compared >= deps.reconcileMs) {
        compared = clock.now();
        await guarded('the catalog could not be compared with the control data', () =>
          compareWithControlData(deps),
        );
      }
      await guarded('waiting mailboxes of the catalog could not be brought up to date', () =>
        workOff(deps, failures, stopping.signal),
      );
      await guarded('the lag of the catalog is not known', () => tellLag(deps));
      await pause();
    }
  }

  const consuming = await deps.messaging.consumeEvents({
    durable: 'catalog',
    filters: [
      'events.restore-point.created.>',
      'events.restore-point.expired.>',
      'events.organization.changed.>',
    ],
    handle: async (event) => {
      await onEvent(deps, event);
      nudge();
    },
  });
  const running = loop();
  return {
    async stop() {
      stopping.abort();
      await consuming.stop();
      await running;
    },
  };
}

async function onEvent(deps: CatalogLoopDeps, event: HoldfastEvent): Promise<void> {
  const { catalog, clock } = deps;
  if (event.name === 'restore-point.created') {
    const { data } = event as HoldfastEvent<'restore-point.created'>;
    const named = parsePointName(data.pointName);
    if (named === undefined || !(await isOn(deps, data.organizationId))) return;
    const { repositoryId, organizationId, mailboxId, pointId, pointName } = data;
    const record = (await deps.points.get(`${repositoryId}.${pointId}`))?.doc;
    const place = { repositoryId, organizationId, mailboxId, mailboxKey: named.mailboxKey };
    const facts: ShelfFacts = { ...place, address: record?.mailboxAddress ?? '' };
    await catalog.expectPoint(facts, { pointId, pointName, time: named.time, since: clock.now() });
  } else if (event.name === 'restore-point.expired') {
    const { data } = event as HoldfastEvent<'restore-point.expired'>;
    const named = parsePointName(data.pointName);
    if (named !== undefined) await catalog.expectDeparture(data.repositoryId, named.mailboxKey, data.pointId);
  } else if (event.name === 'organization.changed') {
    const { organizationId } = (event as HoldfastEvent<'organization.changed'>).data;
    if (!(await isOn(deps, organizationId))) await forget(deps, organizationId);
    else await expectHeads(deps, { organizationId });
  }
}

/** Organizations that nobody knows any more count: their points are still there to be found. */
const isOn = async ({ organizations }: CatalogLoopDeps, organizationId: string): Promise<boolean> =>
  (await organizations.get(organizationId))?.doc.catalog !== false;

async function forget({ catalog }: CatalogLoopDeps, organizationId: string): Promise<void> {
  for (;;) {
    const shelves = await catalog.shelves({ organizationIds: [organizationId] }, undefined, 100);
    for (const { id } of shelves) await catalog.removeShelf(id);
    if (shelves.length < 100) return;
  }
}

/** What events told and nobody heard: heads whose point is not here, points that the control data has no more. */
export async function compareWithControlData(deps: CatalogLoopDeps): Promise<void> {
  const off = new Set<string>();
  for await (const { doc } of all(deps.organizations)) if (doc.catalog === false) off.add(doc.id);
  for (const organizationId of off) await forget(deps, organizationId);
  await expectHeads(deps, {}, off);
}

async function expectHeads(
  deps: CatalogLoopDeps,
  only: { organizationId?: string },
  off: ReadonlySet<string> = new Set(),
): Promise<void> {
  const { catalog, clock, heads, points } = deps;
  for await (const { doc } of all(heads)) {
    const { pointName, pointId, repositoryId, organizationId, mailboxId } = doc;
    const named = pointName === undefined ? undefined : parsePointName(pointName);
    if (named === undefined || pointName === undefined || pointId === undefined) continue;
    if (off.has(organizationId) || (only.organizationId ?? organizationId) !== organizationId) continue;
    const place = { repositoryId, mailboxKey: named.mailboxKey };
    const known = await catalog.points(shelfIdOf(place.repositoryId, place.mailboxKey));
    const facts = { ...place, organizationId, mailboxId, address: doc.mailboxAddress };
    const since = clock.now();
    if (!known.some((point) => point.pointId === pointId)) {
      await catalog.expectPoint(facts, { pointId, pointName, time: named.time, since });
    } else if ((await points.count({ repositoryId, mailboxId })) < known.length) {
      await catalog.expectCheck(facts, { since, rebuild: false });
    }
  }
}

/** Brings the waiting mailboxes up to date, the longest waiting first, until none is left that can be. */
async function workOff(
  deps: CatalogLoopDeps,
  failures: Map<string, { tries: number; next: number }>,
  signal: AbortSignal,
): Promise<void> {
  const { catalog, clock } = deps;
  // Those that failed a moment ago, or that another worker has, would come first again and again.
  for (let passed = new Set<string>(); !signal.aborted; ) {
    const waiting = await catalog.waiting(shelvesAtOnce + passed.size);
    const due = waiting.filter(({ id }) => !passed.has(id) && (failures.get(id)?.next ?? 0) <= clock.now());
    for (const { id } of waiting) if ((failures.get(id)?.next ?? 0) > clock.now()) passed.add(id);
    if (due.length === 0) {
      if (waiting.length < shelvesAtOnce + passed.size) return;
      passed = new Set([...passed, ...waiting.map(({ id }) => id)]);
      continue;
    }
    for (const shelf of due) {
      if (signal.aborted) return;
      passed.add(shelf.id);
      await bringUpToDate(deps, shelf, failures, signal);
    }
  }
}

async function bringUpToDate(
  deps: CatalogLoopDeps,
  shelf: Shelf,
  failures: Map<string, { tries: number; next: number }>,
  signal: AbortSignal,
): Promise<void> {
  const { catalog, indexer, messaging, clock, logger, metrics, instance } = deps;
  const { id, repositoryId, mailboxKey, organizationId } = shelf;
  const record = (await deps.repositories.get(repositoryId))?.doc;
  // A repository that was taken away is not searched any more.
  if (record === undefined || !(await isOn(deps, organizationId))) return catalog.removeShelf(id);
  const lease = await messaging.acquireLease(`catalog.${id}`, instance);
  if (lease === undefined) return;
  let told = { items: 0, points: 0, unreadable: 0 };
  const tell = (now: typeof told): void => {
    metrics.items.inc(now.items - told.items);
    metrics.points.inc(now.points - told.points);
    metrics.unreadable.inc(now.unreadable - told.unreadable);
    told = { ...now };
  };
  try {
    const place = { repositoryId, ...deps.connection(record) };
    const until = AbortSignal.any([signal, lease.lost]);
    const { done, ...counts } = await indexer.index(place, mailboxKey, { signal: until, onProgress: tell });
    tell(counts);
    if (done) failures.delete(id);
    logger.debug({ shelf: id, ...counts, done }, 'a mailbox of the catalog is up to date');
  } catch (error) {
    const tries = (failures.get(id)?.tries ?? 0) + 1;
    const afterMs = retryAfterMs[Math.min(tries, retryAfterMs.length) - 1] ?? 0;
    failures.set(id, { tries, next: clock.now() + afterMs });
    metrics.failures.inc();
    logger.warn({ error, shelf: id, tries }, 'a mailbox of the catalog could not be brought up to date');
    const { code, message } = errorFacts(error);
    await catalog.setTrouble(id, { code, message, at: new Date(clock.now()).toISOString() });
  } finally {
    await lease.release();
  }
}

async function tellLag({ catalog, clock, metrics }: CatalogLoopDeps): Promise<void> {
  const { points, since } = await catalog.behind({});
  metrics.behindPoints.set(points);
  metrics.lagSeconds.set(since === undefined ? 0 : Math.max(0, clock.now() - Date.parse(since)) / 1000);
}
