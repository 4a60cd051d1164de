import type { ItemContent, ItemUpsert } from '@holdfast/exchange';
import type { StoredContent } from '../ports.ts';
import { itemTroubleOf } from './itemOutcome.ts';
import type { MailboxWork, OpenedWork } from './mailboxWork.ts';
import { mapPool } from './pool.ts';

/** What became of an item that had to be fetched. `change` is the listing that was stored. */
export type FetchOutcome =
  | { kind: 'stored'; change: ItemUpsert; stored: StoredContent }
  | { kind: 'gap'; change: ItemUpsert; error: unknown }
  | { kind: 'vanished'; change: ItemUpsert };

type FirstTry = FetchOutcome | { kind: 'later'; change: ItemUpsert; error: unknown };

/** That many items in a row in unclear trouble are no bad items any more: the source itself is in trouble. */
const doubtfulInARow = 5;

/**
 * Fetches and stores contents, some at a time. An item in unclear trouble gets one more try after the others; if it
 * fails again, a strict attempt throws its error (the mailbox is tried again), a lenient one makes it a gap, and so
 * does one that is a gap already: a single item must not fail its mailbox for ever (P7).
 */
export async function fetchItems(work: MailboxWork, changes: readonly ItemUpsert[]): Promise<FetchOutcome[]> {
  const opened = await work.open();
  const first = await mapPool(changes, work.settings.contentsAtOnce, (change) =>
    tryItem(work, opened, change),
  );
  const outcomes: FetchOutcome[] = [];
  for (const outcome of first) {
    outcomes.push(outcome.kind === 'later' ? await tryAgain(work, opened, outcome.change) : outcome);
  }
  return outcomes;
}

async function tryAgain(work: MailboxWork, opened: OpenedWork, change: ItemUpsert): Promise<FetchOutcome> {
  const outcome = await tryItem(work, opened, change);
  if (outcome.kind !== 'later') return outcome;
  const known = work.gaps.get(change.id) !== undefined;
  if (!known && (!work.lenient || ++work.doubtful > doubtfulInARow)) throw outcome.error;
  return { kind: 'gap', change, error: outcome.error };
}

async function tryItem(work: MailboxWork, opened: OpenedWork, change: ItemUpsert): Promise<FirstTry> {
  try {
    return { kind: 'stored', change, stored: await storeContent(work, opened, change) };
  } catch (error) {
    const trouble = itemTroubleOf(error);
    if (trouble === 'fatal') throw error;
    if (trouble === 'vanished') return lookAgain(work, opened, change, error);
    return { kind: trouble, change, error };
  }
}

/** "Not found" right after it was listed may be a slow index: only an item that cannot be listed either is gone (P1). */
async function lookAgain(
  work: MailboxWork,
  opened: OpenedWork,
  change: ItemUpsert,
  notFound: unknown,
): Promise<FirstTry> {
  let listed = change;
  try {
    listed = await work.reader.item(change.id);
    return { kind: 'stored', change: listed, stored: await storeContent(work, opened, listed) };
  } catch (error) {
    const trouble = itemTroubleOf(error);
    if (trouble === 'fatal') throw error;
    if (trouble !== 'vanished') return { kind: trouble, change, error };
    return listed === change ? { kind: 'vanished', change } : { kind: 'gap', change, error: notFound };
  }
}

async function storeContent(
  work: MailboxWork,
  opened: OpenedWork,
  change: ItemUpsert,
): Promise<StoredContent> {
  await work.bytes.room();
  const content = await work.reader.content(change);
  const letGo = work.bytes.hold(bytesInMemory(content));
  try {
    const stored = await opened.writer.storeItem(content);
    content.release?.();
    work.doubtful = 0;
    work.totals.bytesStored += stored.newBytes;
    work.progressed(1, stored.size);
    return stored;
  } finally {
    letGo();
  }
}

/** A streamed content holds a few buffers only. */
const streamBytes = 256 * 1024;

const bytesInMemory = ({ mime }: ItemContent): number =>
  mime instanceof Uint8Array ? mime.byteLength : streamBytes;
