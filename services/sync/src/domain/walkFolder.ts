import { isDeepStrictEqual } from 'node:util';
import { isRecoverableRole } from '@holdfast/contracts';
import type { Batch, ItemChange, ItemUpsert } from '@holdfast/exchange';
import { hasCode } from '../errors.ts';
import { applyChanges } from './applyChanges.ts';
import type { MailboxWork } from './mailboxWork.ts';
import { reconcileFolders } from './readFolders.ts';
import { createSeenItems, type SeenItems } from './seenItems.ts';

/**
 * How a folder is read: `continue` from a cursor; `fresh` when nothing of it is stored; `compare` lists it in full
 * against what is stored and gets a new cursor; `inventory` is the same where the source has no cursors to give.
 */
export type WalkMode = 'continue' | 'fresh' | 'compare' | 'inventory';

/** A folder whose first page may have been asked for already. */
export interface StartedWalk {
  mode: 'continue' | 'fresh';
  batches: AsyncIterable<Batch<ItemChange>>;
}

/** Cursors that expire again and again, or a folder that comes and goes: then the source is in trouble, not we. */
const triesOfAFolder = 5;

/** Brings one folder up to date, whatever the source says about cursors on the way. */
export async function walkFolder(
  work: MailboxWork,
  folderId: string,
  started: StartedWalk | undefined,
): Promise<void> {
  let walk = started;
  for (let tries = 1; ; tries++) {
    try {
      await readFolder(work, folderId, walk);
      return;
    } catch (error) {
      if (tries >= triesOfAFolder || !(await adapt(work, folderId, error))) throw error;
      walk = undefined;
    }
  }
}

/** True when the folder is to be read again in another way; a folder that is gone ends the walk through `readFolder`. */
async function adapt(work: MailboxWork, folderId: string, error: unknown): Promise<boolean> {
  if (hasCode(error, 'cursor-expired')) {
    work.cursors.items[folderId] = {};
    return true;
  }
  if (hasCode(error, 'delta-unavailable') || (await isUntracked(work, folderId, error))) {
    work.cursors.items[folderId] = { inventory: true };
    return true;
  }
  if (hasCode(error, 'folder-gone')) {
    await reconcileFolders(work);
    if (work.cursors.items[folderId] !== undefined) work.cursors.items[folderId] = {};
    return true;
  }
  return false;
}

/** Nobody promises that the changes of Recoverable Items are tracked: where they are not, the folder is listed. */
async function isUntracked(work: MailboxWork, folderId: string, error: unknown): Promise<boolean> {
  if (!hasCode(error, 'request-refused') || work.cursors.items[folderId]?.inventory === true) return false;
  const { folders } = await work.open();
  const seen = new Set<string>();
  for (let at = folders.get(folderId); at !== undefined && !seen.has(at.id); ) {
    if (isRecoverableRole(at.role)) return true;
    seen.add(at.id);
    at = at.parentId === null ? undefined : folders.get(at.parentId);
  }
  return false;
}

async function readFolder(
  work: MailboxWork,
  folderId: string,
  started: StartedWalk | undefined,
): Promise<void> {
  if (started !== undefined) return followChanges(work, folderId, started.batches);
  const entry = work.cursors.items[folderId];
  // Removed by the reconciliation: there is nothing to read.
  if (entry === undefined) return;
  switch (await modeOf(work, folderId)) {
    case 'continue':
    case 'fresh':
      return followChanges(work, folderId, work.reader.itemChanges(folderId, entry.cursor));
    case 'compare':
      return compareByChanges(work, folderId);
    case 'inventory':
      return compareByInventory(work, folderId);
  }
}

async function modeOf(work: MailboxWork, folderId: string): Promise<WalkMode> {
  const entry = work.cursors.items[folderId];
  if (entry?.inventory === true) return 'inventory';
  if (entry?.cursor !== undefined) return 'continue';
  const { tree } = await work.open();
  const stored = (await tree.itemCount(folderId)) + work.gaps.inFolder(folderId);
  return stored === 0 ? 'fresh' : 'compare';
}

async function followChanges(
  work: MailboxWork,
  folderId: string,
  batches: AsyncIterable<Batch<ItemChange>>,
): Promise<void> {
  for await (const batch of batches) {
    await applyChanges(work, folderId, batch.changes);
    work.cursors.items[folderId] = { cursor: batch.cursor };
  }
}

/** The cursor is kept only when the comparison is complete: an interrupted one starts again, without fetching again. */
async function compareByChanges(work: MailboxWork, folderId: string): Promise<void> {
  const seen = createSeenItems();
  let cursor: string | undefined;
  for await (const batch of work.reader.itemChanges(folderId, undefined)) {
    for (const change of batch.changes) if (change.kind === 'upsert') seen.add(change.id);
    await applyChanges(work, folderId, batch.changes);
    cursor = batch.cursor;
  }
  await removeUnseen(work, folderId, seen);
  work.cursors.items[folderId] = cursor === undefined ? {} : { cursor };
}

async function compareByInventory(work: MailboxWork, folderId: string): Promise<void> {
  const seen = createSeenItems();
  for await (const items of work.reader.inventory(folderId)) {
    for (const item of items) seen.add(item.id);
    await applyChanges(work, folderId, await withoutUnchanged(work, folderId, items));
  }
  await removeUnseen(work, folderId, seen);
}

/** A full mailbox is listed in every run: what is as stored needs no further look. */
async function withoutUnchanged(
  work: MailboxWork,
  folderId: string,
  items: readonly ItemUpsert[],
): Promise<ItemUpsert[]> {
  const { tree } = await work.open();
  const different: ItemUpsert[] = [];
  for (const item of items) {
    const entry = await tree.getItem(folderId, item.id, item.time);
    const same = entry?.changeKey === item.contentKey && isDeepStrictEqual(entry.state, item.state);
    if (!same || work.gaps.get(item.id) !== undefined) different.push(item);
  }
  return different;
}

/** Keys are collected before they are removed because the tree must not change while it is read; a bounded number at a time. */
const removalsAtOnce = 20_000;

async function removeUnseen(work: MailboxWork, folderId: string, seen: SeenItems): Promise<void> {
  work.gaps.keepInFolder(folderId, (itemKey) => seen.has(itemKey));
  const { tree } = await work.open();
  for (;;) {
    const gone: string[] = [];
    for await (const entry of tree.items(folderId)) {
      if (!seen.has(entry.key)) gone.push(entry.key);
      if (gone.length === removalsAtOnce) break;
    }
    for (let at = 0; at < gone.length; at += work.settings.sliceItems) {
      const slice = gone.slice(at, at + work.settings.sliceItems);
      await applyChanges(
        work,
        folderId,
        slice.map((id) => ({ kind: 'removed' as const, id })),
      );
    }
    if (gone.length < removalsAtOnce) return;
  }
}
