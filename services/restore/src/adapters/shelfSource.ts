import { mailboxIdOf } from '@holdfast/contracts';
import type { FolderEntry, Repository, TreeChange } from '@holdfast/repository';
import type { ShelfChange, ShelfSource } from '../domain/indexShelf.ts';
import { itemOf } from './pointContents.ts';

/** The directory's object id in a mailbox's identity (`graph:<tenant>:<user>`); all of it where it has another form. */
const userIdOf = (identity: string): string => /^[a-z]+:[^:]*:(.+)$/.exec(identity)?.[1] ?? identity;

/** Whose a restore point is, in the words of the control data: the same ids as when the point was made. */
export const ownerOf = (point: {
  mailboxIdentity: string;
  organizationId: string;
  mailboxAddress: string;
}): { organizationId: string; mailboxId: string; address: string } => ({
  organizationId: point.organizationId,
  mailboxId: mailboxIdOf(point.organizationId, userIdOf(point.mailboxIdentity)),
  address: point.mailboxAddress,
});

/** A mailbox in a repository as the catalog is made from it. */
export function shelfSource(repository: Repository, mailboxKey: string): ShelfSource {
  return {
    async points() {
      const points = [];
      for await (const { pointId, name, time } of repository.points({ mailboxKey, kinds: ['full'] })) {
        points.push({ pointId, pointName: name, time });
      }
      return points;
    },
    async describe(pointName) {
      const point = await repository.readPoint(pointName);
      // Whoever has seen the point has its index after this: it was written before the point.
      await repository.refresh();
      return { root: point.root, ...ownerOf(point) };
    },
    changes: (from, to) =>
      from === undefined ? wholeTree(repository, to) : difference(repository, from, to),
    read: (objectId) => repository.readItem(objectId),
  };
}

const folderOf = ({ id, parentId, name, role }: FolderEntry) => ({
  ...{ id, parentId, name },
  ...(role === undefined ? {} : { role }),
});

async function* wholeTree(repository: Repository, root: string): AsyncIterable<ShelfChange> {
  const tree = repository.tree(root);
  const folders = await tree.folders();
  for (const folder of folders) yield { kind: 'folder-placed', folder: folderOf(folder) };
  for (const { id } of folders) {
    for await (const item of tree.items(id)) yield { kind: 'item-placed', folderId: id, item: itemOf(item) };
  }
}

async function* difference(repository: Repository, from: string, to: string): AsyncIterable<ShelfChange> {
  for await (const change of repository.diff(from, to)) yield changeOf(change);
}

function changeOf(change: TreeChange): ShelfChange {
  switch (change.kind) {
    case 'folder-added':
    case 'folder-changed':
      return { kind: 'folder-placed', folder: folderOf(change.folder) };
    case 'folder-removed':
      return { kind: 'folder-removed', folderId: change.folder.id };
    case 'item-added':
    case 'item-changed':
      return { kind: 'item-placed', folderId: change.folderId, item: itemOf(change.item) };
    case 'item-removed':
      return { kind: 'item-removed', folderId: change.folderId, key: change.item.key };
  }
}
