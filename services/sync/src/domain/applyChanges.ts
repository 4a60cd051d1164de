import { isDeepStrictEqual } from 'node:util';
import type { ItemChange, ItemUpsert } from '@holdfast/exchange';
import type { ItemEntry } from '../ports.ts';
import { type FetchOutcome, fetchItems } from './fetchItems.ts';
import { folderPath } from './folderPath.ts';
import type { GapSubject } from './gapLedger.ts';
import { isOlder, withModified } from './itemAge.ts';
import type { MailboxWork, OpenedWork } from './mailboxWork.ts';

/**
 * Brings the changes of one folder into the tree, a slice at a time. When it resolves, every change is stored, in the
 * gap ledger, or vanished: only then the caller may move the cursor (P1). When it throws, the tree may be ahead of
 * the cursor; the same changes told again find that and cost no second fetch.
 */
export async function applyChanges(
  work: MailboxWork,
  folderId: string,
  changes: readonly ItemChange[],
): Promise<void> {
  if (changes.length === 0) return;
  const newest = withModified(work.age, lastOfEach(changes));
  for (let at = 0; at < newest.length; at += work.settings.sliceItems) {
    await applySlice(work, folderId, newest.slice(at, at + work.settings.sliceItems));
    await work.pause();
  }
}

/** Sources may tell the same id more than once in a page; the last word counts. */
function lastOfEach(changes: readonly ItemChange[]): ItemChange[] {
  const byId = new Map<string, ItemChange>();
  for (const change of changes) {
    byId.delete(change.id);
    byId.set(change.id, change);
  }
  return [...byId.values()];
}

async function applySlice(
  work: MailboxWork,
  folderId: string,
  changes: readonly ItemChange[],
): Promise<void> {
  const opened = await work.open();
  work.touched.add(folderId);
  const toFetch: ItemUpsert[] = [];
  const known = new Map<string, ItemEntry>();
  for (const change of changes) {
    if (change.kind === 'removed' || isOlder(work.age, change)) {
      await removeItem(work, opened, folderId, change.id);
      continue;
    }
    const entry = await opened.tree.getItem(folderId, change.id, change.time);
    if (entry !== undefined) known.set(change.id, entry);
    if (entry?.changeKey === change.contentKey) await refreshState(work, opened, folderId, change, entry);
    else if (entry !== undefined || !(await adoptMoved(work, opened, folderId, change))) toFetch.push(change);
  }
  if (toFetch.length === 0) return;
  for (const outcome of await fetchItems(work, toFetch)) {
    await settle(work, opened, folderId, outcome, known.get(outcome.change.id));
  }
}

async function removeItem(
  work: MailboxWork,
  opened: OpenedWork,
  folderId: string,
  id: string,
): Promise<void> {
  work.gaps.dropItem(id, folderId);
  const entry = await opened.tree.getItem(folderId, id);
  if (entry === undefined) return;
  await opened.tree.removeItem(folderId, entry);
  if (work.moved.left(entry)) work.totals.itemsRemoved++;
}

/** The content is stored already; read state, flags, categories or the place in the order may have changed. */
async function refreshState(
  work: MailboxWork,
  opened: OpenedWork,
  folderId: string,
  change: ItemUpsert,
  entry: ItemEntry,
): Promise<void> {
  work.gaps.heal(change.id);
  const fresh = entryOf(change, entry.objectId, entry.size);
  if (isDeepStrictEqual(fresh, entry)) return;
  await opened.tree.putItem(folderId, fresh, entry);
  work.totals.itemsChanged++;
}

/** True when the item came from another folder with the content we have. */
async function adoptMoved(
  work: MailboxWork,
  opened: OpenedWork,
  folderId: string,
  change: ItemUpsert,
): Promise<boolean> {
  const left = work.moved.arrived(change.id, change.contentKey);
  // Counted as removed when it left its folder: a move is one change, not a removal and a new item.
  if (left !== undefined) work.totals.itemsRemoved--;
  const entry = left ?? (await findInBase(work, opened, change));
  if (entry === undefined) return false;
  await opened.tree.putItem(folderId, entryOf(change, entry.objectId, entry.size), undefined);
  work.gaps.heal(change.id);
  work.totals.itemsChanged++;
  return true;
}

/**
 * The folder it left may not have been read yet: then it still stands there, and stays until that folder's own
 * changes say that it left (it may have come back meanwhile). Mail newer than the base is new: no need to look.
 */
async function findInBase(
  work: MailboxWork,
  opened: OpenedWork,
  change: ItemUpsert,
): Promise<ItemEntry | undefined> {
  const { plan } = work;
  if (plan.kind === 'initial' || plan.kind === 'finished' || change.time > plan.base.time) return undefined;
  const entry = await opened.tree.findInBase(change.id, change.time);
  if (entry?.changeKey !== change.contentKey) return undefined;
  work.moved.takenOver(change.id);
  return entry;
}

async function settle(
  work: MailboxWork,
  opened: OpenedWork,
  folderId: string,
  outcome: FetchOutcome,
  known: ItemEntry | undefined,
): Promise<void> {
  const { change } = outcome;
  switch (outcome.kind) {
    case 'stored':
      await opened.tree.putItem(
        folderId,
        entryOf(change, outcome.stored.objectId, outcome.stored.size),
        known,
      );
      work.gaps.heal(change.id);
      if (known === undefined) work.totals.itemsNew++;
      else work.totals.itemsChanged++;
      return;
    case 'gap':
      work.gaps.record(gapSubjectOf(opened, folderId, change), outcome.error, work.clock.now());
      return;
    case 'vanished':
      // The next round tells its removal; a version stored before stays until then.
      work.gaps.dropItem(change.id, folderId);
  }
}

export function entryOf(change: ItemUpsert, objectId: string, size: number): ItemEntry {
  return {
    key: change.id,
    time: change.time,
    objectId,
    changeKey: change.contentKey,
    size,
    state: change.state,
    summary: change.summary,
  };
}

export function gapSubjectOf(opened: OpenedWork, folderId: string, change: ItemUpsert): GapSubject {
  const { subject } = change.summary;
  return {
    itemKey: change.id,
    folderId,
    folderPath: folderPath(opened.folders, folderId),
    subject: typeof subject === 'string' ? subject : undefined,
  };
}
