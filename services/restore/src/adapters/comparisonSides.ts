import { isRecoverableRole, type JsonObject, recoverableRootRole } from '@holdfast/contracts';
import type { MailboxReader } from '@holdfast/exchange';
import type { ItemEntry, Repository } from '@holdfast/repository';
import type { ComparableItem, ComparisonSides, StateChange } from '../domain/compareMailbox.ts';
import type { PointFolder } from '../ports.ts';

const entryOf = (folderId: string, entry: ItemEntry, contentKey: string): ComparableItem => ({
  ...{ folderId, contentKey, key: entry.key, time: entry.time, size: entry.size, summary: entry.summary },
  state: entry.state as JsonObject,
});

async function foldersOf(repository: Repository, root: string): Promise<PointFolder[]> {
  return (await repository.tree(root).folders()).map(({ id, parentId, name, count }) => ({
    ...{ id, parentId, name, count },
  }));
}

/** Two restore points: reads only the pages of the trees that differ. */
export async function pointSides(
  repository: Repository,
  beforeName: string,
  afterName: string,
): Promise<ComparisonSides> {
  const [before, after] = await Promise.all([
    repository.readPoint(beforeName),
    repository.readPoint(afterName),
  ]);
  await repository.refresh();
  return {
    before: await foldersOf(repository, before.root),
    after: await foldersOf(repository, after.root),
    async *changes(): AsyncIterable<StateChange> {
      for await (const change of repository.diff(before.root, after.root)) {
        if (change.kind === 'item-added' || change.kind === 'item-removed') {
          const kind = change.kind === 'item-added' ? 'added' : 'removed';
          yield { kind, item: entryOf(change.folderId, change.item, change.item.objectId) };
        } else if (change.kind === 'item-changed') {
          const item = entryOf(change.folderId, change.item, change.item.objectId);
          yield {
            kind: 'changed',
            item,
            before: entryOf(change.folderId, change.before, change.before.objectId),
          };
        }
      }
    },
  };
}

/** True when the restore point has Recoverable Items: those of the live mailbox are then compared too. */
export async function hasRecoverable(repository: Repository, pointName: string): Promise<boolean> {
  const point = await repository.readPoint(pointName);
  await repository.refresh();
  return (await repository.tree(point.root).folders()).some(({ role }) => isRecoverableRole(role));
}

/** More items than these are not compared with a live mailbox: they are held in memory meanwhile. */
const mostLiveItems = 1_000_000;

/**
 * A restore point and the mailbox as it is now: every folder is listed once, within the limits of the mailbox. What is
 * kept of an item that is equal on both sides is its key.
 */
export async function liveSides(
  repository: Repository,
  pointName: string,
  reader: Pick<MailboxReader, 'folders' | 'inventory'>,
): Promise<ComparisonSides> {
  const point = await repository.readPoint(pointName);
  await repository.refresh();
  const tree = repository.tree(point.root);
  const before = await foldersOf(repository, point.root);
  const folders = await reader.folders();
  const live = folders.map(({ id, parentId, name, itemCount }) => ({
    ...{ id, parentId, name, count: itemCount ?? 0 },
  }));
  const readable = new Set(folders.filter(({ role }) => role !== recoverableRootRole).map(({ id }) => id));
  const changes: StateChange[] = [];
  const folderIds = new Set([...before, ...live].map(({ id }) => id));
  for (const folderId of folderIds) {
    const known = new Map<string, ItemEntry>();
    for await (const entry of tree.items(folderId)) known.set(entry.key, entry);
    if (known.size > mostLiveItems) throw new RangeError(`a folder has more than ${mostLiveItems} items`);
    if (readable.has(folderId)) {
      for await (const page of reader.inventory(folderId)) {
        for (const { id, time, contentKey, state, summary } of page) {
          const now = { folderId, key: id, time, size: 0, summary, contentKey, state };
          const entry = known.get(id);
          known.delete(id);
          if (entry === undefined) changes.push({ kind: 'added', item: now });
          else {
            const was = entryOf(folderId, entry, entry.changeKey);
            const item = { ...now, size: entry.size };
            if (differ(was, item)) changes.push({ kind: 'changed', item, before: was });
          }
        }
      }
    }
    for (const entry of known.values()) {
      changes.push({ kind: 'removed', item: entryOf(folderId, entry, entry.changeKey) });
    }
  }
  return {
    before,
    after: live,
    async *changes() {
      yield* changes;
    },
  };
}

const stateText = (state: JsonObject): string =>
  JSON.stringify(Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)));

const differ = (a: ComparableItem, b: ComparableItem): boolean =>
  a.contentKey !== b.contentKey || stateText(a.state) !== stateText(b.state);
