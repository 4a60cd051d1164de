import type { Batch, ItemChange } from '@holdfast/exchange';
import type { MailboxWork } from './mailboxWork.ts';
import { readingOrder } from './syncFolders.ts';
import { type StartedWalk, walkFolder } from './walkFolder.ts';

/** Reads the item changes of all folders, the most wanted first; folders that appear on the way are read too. */
export async function readItems(work: MailboxWork): Promise<void> {
  const read = new Set<string>();
  for (;;) {
    const order = foldersToRead(work).filter((id) => !read.has(id));
    if (order.length === 0) return;
    await readInOrder(work, order, read);
  }
}

function foldersToRead(work: MailboxWork): string[] {
  const ids = Object.keys(work.cursors.items);
  if (work.opened === undefined) return ids;
  const { folders } = work.opened;
  return readingOrder([...folders.values()].filter((folder) => work.cursors.items[folder.id] !== undefined));
}

async function readInOrder(work: MailboxWork, order: readonly string[], read: Set<string>): Promise<void> {
  const ahead = new Map<string, StartedWalk & { abandon(): Promise<void> }>();
  const startAhead = (from: number) => {
    for (const id of order.slice(from, from + work.settings.foldersAhead)) {
      if (ahead.has(id) || read.has(id)) continue;
      const walk = startWalk(work, id);
      if (walk !== undefined) ahead.set(id, walk);
    }
  };
  try {
    for (const [at, id] of order.entries()) {
      startAhead(at);
      const started = ahead.get(id);
      ahead.delete(id);
      read.add(id);
      startAhead(at + 1);
      if (work.cursors.items[id] === undefined) await started?.abandon();
      else await walkFolder(work, id, started);
      await work.pause();
    }
  } finally {
    for (const walk of ahead.values()) await walk.abandon();
  }
}

/**
 * Asks for the first page of a folder now, so that its round trip passes while another folder is worked on. Only
 * where it is clear without the tree how the folder is read.
 */
function startWalk(
  work: MailboxWork,
  folderId: string,
): (StartedWalk & { abandon(): Promise<void> }) | undefined {
  const entry = work.cursors.items[folderId];
  if (entry === undefined || entry.inventory === true) return undefined;
  if (entry.cursor === undefined && work.plan.kind !== 'initial') return undefined;
  const iterator = work.reader.itemChanges(folderId, entry.cursor)[Symbol.asyncIterator]();
  const first = iterator.next();
  // Who takes the walk sees the error; an abandoned one has nobody to tell.
  const settled = first.then(
    () => undefined,
    () => undefined,
  );
  return {
    mode: entry.cursor === undefined ? 'fresh' : 'continue',
    batches: { [Symbol.asyncIterator]: () => withFirst(first, iterator) },
    async abandon() {
      await settled;
      await iterator.return?.();
    },
  };
}

function withFirst(
  first: Promise<IteratorResult<Batch<ItemChange>>>,
  rest: AsyncIterator<Batch<ItemChange>>,
): AsyncIterator<Batch<ItemChange>> {
  let taken = false;
  return {
    next() {
      if (taken) return rest.next();
      taken = true;
      return first;
    },
    async return() {
      await rest.return?.();
      return { done: true, value: undefined };
    },
  };
}
