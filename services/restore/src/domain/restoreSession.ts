import { type ErrorFacts, errorFacts, type LedgerLine, type RestoreSession } from '@holdfast/contracts';
import type { MailboxWriter } from '@holdfast/exchange';
import { Interrupted, SessionTaken } from '../errors.ts';
import type { InterruptionCheck, Ledger, PointContents, PointItem, SessionBook } from '../ports.ts';
import { readExisting } from './existingItems.ts';
import { folderTree, type PlannedFolder, planRestore } from './planRestore.ts';
import { forEachAtOnce } from './pool.ts';
import { endsTheAttempt, type ItemContext, type ItemOutcome, markerOf, restoreItem } from './restoreItem.ts';
import { type Counters, count, lineIdOf, readLedger } from './sessionLedger.ts';
import { createTargetFolders, type TargetFolders } from './targetFolders.ts';

export interface RestorePorts {
  book: SessionBook;
  ledger: Ledger;
  point: PointContents;
  writer: MailboxWriter;
  now: () => number;
  leaseLost: AbortSignal;
  interruption: InterruptionCheck;
  /** Live counters; called often. */
  onProgress: (progress: RestoreSession['progress'], phase: string) => void;
}

export interface RestoreSettings {
  itemsAtOnce: number;
  /** The session's counters are written at most this often, ms. */
  saveEveryMs: number;
}

/** Everything the steps of one restore share. */
interface Work extends RestorePorts {
  session: RestoreSession;
  settings: RestoreSettings;
  lenient: boolean;
  targets: TargetFolders;
  counters: Counters;
  /** What earlier attempts had counted before this one. */
  before: RestoreSession['progress'];
  bytes: number;
  itemsTotal: number;
  savedAt: number;
}

/**
 * Carries out one session: every selected item ends with one ledger line. Repeating it goes on where an earlier attempt
 * ended. @throws Interrupted, SessionTaken, and what ends the attempt
 */
export async function restoreSession(
  session: RestoreSession,
  settings: RestoreSettings,
  lenient: boolean,
  ports: RestorePorts,
): Promise<RestoreSession['progress']> {
  const { point, writer, ledger } = ports;
  const folders = await point.folders();
  const plan = planRestore(folders, session.input.selection);
  const done = await readLedger(ledger.lines());
  const targets = createTargetFolders({
    tree: folderTree(folders),
    planned: new Set(plan.folders.map(({ folder }) => folder.id)),
    writer,
    existing: await writer.folders(),
    folderPath: session.input.target.folderPath,
  });
  const work: Work = {
    ...ports,
    ...{ session, settings, lenient, targets, bytes: 0, savedAt: ports.now() },
    counters: done.counters,
    before: session.progress,
    itemsTotal: plan.itemsTotal,
  };
  await save(work);
  let position = 0;
  for (const planned of plan.folders) {
    position = await restoreFolder(work, planned, position, done);
  }
  return save(work);
}

type Done = Awaited<ReturnType<typeof readLedger>>;

interface NumberedItem {
  item: PointItem | undefined;
  itemKey: string;
  position: number;
}

/** Gives back the position behind the folder. */
async function restoreFolder(
  work: Work,
  planned: PlannedFolder,
  firstPosition: number,
  done: Done,
): Promise<number> {
  const { session, point } = work;
  await checkInterruption(work);
  let position = firstPosition;
  async function* waiting(): AsyncIterable<NumberedItem> {
    for await (const numbered of numberItems(point, planned, firstPosition)) {
      position = numbered.position + 1;
      if (!done.isDone(numbered.position)) yield numbered;
    }
  }
  const place = await openPlace(work, planned, done);
  await forEachAtOnce(waiting(), work.settings.itemsAtOnce, async ({ item, itemKey, position: at }) => {
    await checkInterruption(work);
    const { bytes, ...outcome } = await outcomeOf(place, planned.path, item, itemKey);
    const line: LedgerLine = {
      ...outcome,
      id: lineIdOf(session.id, at),
      sessionId: session.id,
      at: new Date(work.now()).toISOString(),
    };
    await work.ledger.add(line);
    work.counters = count(work.counters, line);
    work.bytes += bytes;
    work.onProgress(progressOf(work), planned.path);
    if (work.now() - work.savedAt >= work.settings.saveEveryMs) await save(work);
  });
  return position;
}

/** Where the items of a folder go, or why none of them can go anywhere. */
async function openPlace(
  work: Work,
  { folder, path }: PlannedFolder,
  done: Done,
): Promise<ItemContext | { error: unknown }> {
  const { session, writer } = work;
  const ours = markerOf(session.id, '');
  try {
    const targetFolderId = await work.targets.targetOf(folder.id);
    const existing = await readExisting(
      writer.existing(targetFolderId),
      (marker) => marker.startsWith(ours),
      (marker) => done.hasItem(marker.slice(ours.length)),
    );
    return {
      ...{ targetFolderId, existing, writer, folderPath: path },
      sessionId: session.id,
      onConflict: session.input.onConflict,
      renameSuffix: ` (restored ${session.requestedAt.slice(0, 10)})`,
      point: work.point,
      lenient: work.lenient,
    };
  } catch (error) {
    if (endsTheAttempt(error, work.lenient)) throw error;
    return { error };
  }
}

/** One bad folder fails its items, not the session (P7). */
async function outcomeOf(
  place: ItemContext | { error: unknown },
  path: string,
  item: PointItem | undefined,
  itemKey: string,
): Promise<ItemOutcome> {
  if (item === undefined) return failed(path, itemKey, '', notInPoint);
  if (!('error' in place)) return restoreItem(place, item);
  const { subject } = item.summary;
  return failed(path, itemKey, typeof subject === 'string' ? subject : '', errorFacts(place.error));
}

const notInPoint: ErrorFacts = {
  code: 'item-not-in-point',
  errorClass: 'permanent-item',
  message: 'The item is not in this folder of the restore point.',
  remedy: 'Choose the item from the list of the restore point.',
};

const failed = (folderPath: string, itemKey: string, subject: string, error: ErrorFacts): ItemOutcome => ({
  ...{ itemKey, folderPath, subject, error, differences: [], notRestored: [], bytes: 0 },
  action: 'failed',
  readBack: 'not-read',
});

/** Items in the order of the tree with their positions; wanted ones that are not there come last. */
async function* numberItems(
  point: PointContents,
  { folder, itemKeys }: PlannedFolder,
  firstPosition: number,
): AsyncIterable<NumberedItem> {
  let position = firstPosition;
  const left = itemKeys === undefined ? undefined : new Set(itemKeys);
  for await (const item of point.items(folder.id)) {
    if (left !== undefined && !left.delete(item.key)) continue;
    yield { item, itemKey: item.key, position: position++ };
    if (left?.size === 0) return;
  }
  for (const itemKey of [...(left ?? [])].sort()) yield { item: undefined, itemKey, position: position++ };
}

async function checkInterruption(work: Work): Promise<void> {
  if (work.leaseLost.aborted) throw new SessionTaken('the lease was lost', work.leaseLost.reason);
  const reason = await work.interruption();
  if (reason !== undefined) throw new Interrupted(reason);
}

/** Counters of items come from the ledger, so that a crash cannot falsify them; the others go on from the session. */
export function progressOf(
  work: Pick<Work, 'counters' | 'before' | 'bytes' | 'itemsTotal' | 'targets' | 'writer'>,
): RestoreSession['progress'] {
  const { before, writer, targets } = work;
  const { requests, throttledMs } = writer.statistics;
  return {
    ...work.counters,
    itemsTotal: work.itemsTotal,
    foldersCreated: before.foldersCreated + targets.created,
    bytes: before.bytes + work.bytes,
    requests: before.requests + requests,
    throttledSeconds: before.throttledSeconds + Math.round(throttledMs) / 1000,
  };
}

async function save(work: Work): Promise<RestoreSession['progress']> {
  work.savedAt = work.now();
  const progress = progressOf(work);
  await work.book.change((session) => ({ ...session, progress }));
  return progress;
}
