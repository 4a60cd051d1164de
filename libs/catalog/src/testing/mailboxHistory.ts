import type { CatalogWriter, FolderFacts, ItemDocument, ShelfBatch, ShelfFacts } from '../ports.ts';

export interface TestItem {
  folderId: string;
  key: string;
  document: ItemDocument;
  isRead: boolean;
}

/** A mailbox at one time. */
export interface MailboxState {
  folders: FolderFacts[];
  items: TestItem[];
}

export const emptyMailbox: MailboxState = { folders: [], items: [] };

export const day = (n: number): number => Date.UTC(2026, 0, 1) + n * 86_400_000;

/** An object id made from a text. */
export const objectIdOf = (text: string): string =>
  Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64);

export function documentOf(name: string, more: Partial<ItemDocument> = {}): ItemDocument {
  return {
    objectId: objectIdOf(name),
    time: day(0),
    size: 1000,
    kind: 'message',
    hasAttachments: (more.attachments ?? []).length > 0,
    subject: name,
    from: 'Ann Smith <ann@contoso.com>',
    to: 'Bo Miller <bo@fabrikam.org>',
    attachments: [],
    body: '',
    ...more,
  };
}

export const shelfFacts = (more: Partial<ShelfFacts> = {}): ShelfFacts => ({
  repositoryId: 'repo-1',
  mailboxKey: 'a'.repeat(32),
  organizationId: 'org-1',
  mailboxId: 'mbx-1',
  address: 'ann@contoso.com',
  ...more,
});

/** What an indexer finds between two states of a mailbox. */
export function batchBetween(before: MailboxState, after: MailboxState): ShelfBatch {
  const placeOf = ({ folderId, key }: TestItem) => JSON.stringify([folderId, key]);
  const formOf = ({ document, isRead }: TestItem) => JSON.stringify([document.objectId, isRead]);
  const [old, now] = [before.items, after.items].map(
    (items) => new Map(items.map((item) => [placeOf(item), item])),
  );
  const isNew = (item: TestItem) => {
    const known = old?.get(placeOf(item));
    return known === undefined || formOf(known) !== formOf(item);
  };
  const placed = after.items.filter(isNew);
  const oldFolders = new Map(before.folders.map((folder) => [folder.id, JSON.stringify(folder)]));
  return {
    documents: placed.map(({ document }) => document),
    placed: placed.map(({ folderId, key, document, isRead }) => ({
      ...{ folderId, key, objectId: document.objectId },
      state: { isRead },
    })),
    removed: before.items.filter((item) => !now?.has(placeOf(item))),
    foldersPlaced: after.folders.filter((folder) => oldFolders.get(folder.id) !== JSON.stringify(folder)),
    foldersRemoved: before.folders
      .map(({ id }) => id)
      .filter((id) => !after.folders.some((f) => f.id === id)),
  };
}

export interface TestPoint {
  pointId: string;
  state: MailboxState;
  time: number;
}

/** Indexes the points one after the other, as an indexer would. */
export async function indexPoints(
  catalog: CatalogWriter,
  shelfId: string,
  points: readonly TestPoint[],
  from: MailboxState = emptyMailbox,
): Promise<void> {
  let before = from;
  for (const { pointId, state, time } of points) {
    await catalog.beginPoint(shelfId, {
      pointId,
      pointName: `name-${pointId}`,
      time,
      root: `root-${pointId}`,
    });
    await catalog.write(shelfId, batchBetween(before, state));
    await catalog.commitPoint(shelfId);
    before = state;
  }
}
