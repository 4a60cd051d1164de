import type { ItemChange, ItemUpsert } from '@holdfast/exchange';
import type { ItemEntry, MailboxTree } from '../ports.ts';
import type { AgeLimit } from './ageLimit.ts';
import type { MailboxWork } from './mailboxWork.ts';
import type { SyncCursors } from './syncState.ts';

/** Time of the last change, ms since epoch; undefined when the source did not tell. */
function modifiedOf({ properties, state }: ItemUpsert): number | undefined {
  const told = Date.parse(String(properties.lastModifiedDateTime ?? state.lastModifiedDateTime ?? ''));
  return Number.isNaN(told) ? undefined : told;
}

const timeBy = (by: AgeLimit['by'], time: number, modified: unknown): number =>
  by === 'modified' && typeof modified === 'number' ? modified : time;

export const isOlder = (age: AgeLimit | undefined, change: ItemUpsert): boolean =>
  age !== undefined && timeBy(age.by, change.time, change.summary.modified) < age.before;

/**
 * The tree knows when an item came in, not when it was changed. Where the age goes by that, it is kept beside the
 * subject, so that items can be told to be too old in later runs without asking for them.
 */
export function withModified(age: AgeLimit | undefined, changes: readonly ItemChange[]): ItemChange[] {
  if (age?.by !== 'modified') return [...changes];
  return changes.map((change) => {
    const modified = change.kind === 'upsert' ? modifiedOf(change) : undefined;
    if (change.kind === 'removed' || modified === undefined) return change;
    return { ...change, summary: { ...change.summary, modified } };
  });
}

/**
 * The cursors to go on from under this limit. Where the limit reaches further back than the one they were made under,
 * or goes by another time, items were passed over that are wanted now: every folder is listed and compared again.
 */
export function cursorsUnder(age: AgeLimit | undefined, cursors: SyncCursors): SyncCursors {
  const { age: before, ...rest } = cursors;
  const isWider =
    before !== undefined && (age === undefined || age.by !== before.by || age.before < before.before);
  // Going by the last change needs a time that the tree may not have yet.
  const isNewTime = age?.by === 'modified' && before?.by !== 'modified';
  const items =
    isWider || isNewTime
      ? Object.fromEntries(
          Object.entries(cursors.items).map(([id, { inventory }]) => [
            id,
            inventory === undefined ? {} : { inventory },
          ]),
        )
      : cursors.items;
  if (age === undefined) return { ...rest, items };
  const oldest = isWider || isNewTime ? undefined : before?.oldest;
  return { ...rest, items, age: { ...age, ...(oldest === undefined ? {} : { oldest }) } };
}

/**
 * Takes items out that have become too old since the last run. A mailbox in which none has is not even opened: the
 * cursors know the time of the oldest one.
 */
export async function dropAged(work: MailboxWork): Promise<void> {
  const { age } = work;
  const known = work.cursors.age;
  if (age === undefined || known === undefined) return;
  if (work.opened === undefined && known.oldest !== undefined && known.oldest >= age.before) return;
  const { tree, folders } = await work.open();
  let oldest = Number.MAX_SAFE_INTEGER;
  for (const folderId of folders.keys()) {
    oldest = Math.min(oldest, await dropAgedIn(work, tree, folderId, age));
    await work.pause();
  }
  work.cursors.age = { ...age, oldest };
}

const removalsAtOnce = 5_000;

/** Answers the time of the oldest item that stays. */
async function dropAgedIn(
  work: MailboxWork,
  tree: MailboxTree,
  folderId: string,
  age: AgeLimit,
): Promise<number> {
  for (;;) {
    // Collected before they are removed because the tree must not change while it is read.
    const aged: ItemEntry[] = [];
    let oldest = Number.MAX_SAFE_INTEGER;
    for await (const entry of tree.items(folderId)) {
      const time = timeBy(age.by, entry.time, entry.summary.modified);
      if (time < age.before) aged.push(entry);
      else oldest = Math.min(oldest, time);
      if (aged.length === removalsAtOnce) break;
      // In the order of receipt everything after the first one that stays is younger.
      if (age.by === 'received' && time >= age.before) break;
    }
    for (const entry of aged) {
      await tree.removeItem(folderId, entry);
      work.touched.add(folderId);
      work.totals.itemsRemoved++;
    }
    if (aged.length < removalsAtOnce) return oldest;
  }
}
