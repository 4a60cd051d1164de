import { createHash } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts';
import type { ItemContent } from '@holdfast/exchange';
import { readCursors } from '../domain/syncState.ts';
import type {
  FolderEntry,
  ItemEntry,
  MailboxRepository,
  MailboxTree,
  PointFacts,
  PointWriter,
  ReadPoint,
} from '../ports.ts';

interface TreeImage {
  folders: FolderEntry[];
  items: [folderId: string, entries: ItemEntry[]][];
}

interface VaultPoint {
  name: string;
  facts: PointFacts;
  runId: string;
}

/**
 * The restore points of one mailbox in memory. What no point was made of is lost with its writer; a point that names a
 * tree that was not committed is refused (P2).
 */
export class PointVault {
  readonly objects = new Map<string, { mime: Uint8Array; properties: object }>();
  readonly trees = new Map<string, string>();
  readonly points: VaultPoint[] = [];
  sessions = 0;
  readonly lost = new AbortController();

  full(): VaultPoint[] {
    return this.points.filter((point) => point.facts.kind === 'full');
  }

  newest(): VaultPoint | undefined {
    return this.full()
      .sort((a, b) => a.facts.time - b.facts.time)
      .at(-1);
  }

  /** What a point shows: folder id → item key → MIME. */
  contentsOf(point: VaultPoint): Map<string, Map<string, { entry: ItemEntry; mime: string }>> {
    const image = JSON.parse(this.trees.get(point.facts.root) ?? '') as TreeImage;
    return new Map(
      image.items.map(([folderId, entries]) => [
        folderId,
        new Map(
          entries.map((entry) => {
            const object = this.objects.get(entry.objectId);
            if (object === undefined) throw new Error(`the point names the object ${entry.objectId}, lost`);
            return [entry.key, { entry, mime: Buffer.from(object.mime).toString('latin1') }];
          }),
        ),
      ]),
    );
  }

  foldersOf(point: VaultPoint): FolderEntry[] {
    return (JSON.parse(this.trees.get(point.facts.root) ?? '') as TreeImage).folders;
  }

  /** The repository as one process sees it for one run. */
  repository(runId: string): MailboxRepository {
    const read = (point: VaultPoint): ReadPoint => {
      const { facts, name } = point;
      const { cursors, parentId: _, reportedItems: __, ...rest } = facts;
      return { ...structuredClone(rest), name, runId: point.runId, cursors: readCursors(cursors) };
    };
    const newestOf = (kind: 'full' | 'checkpoint') =>
      this.points
        .filter((point) => point.facts.kind === kind)
        .sort((a, b) => a.facts.time - b.facts.time)
        .at(-1);
    let writer: PointWriter | undefined;
    return {
      newest: async (pointId) => {
        const [full, checkpoint] = [newestOf('full'), newestOf('checkpoint')];
        const own = this.full().find((point) => point.facts.pointId === pointId);
        return {
          full: full && read(full),
          checkpoint: checkpoint && read(checkpoint),
          own: own && read(own),
        };
      },
      has: async (name) => this.points.some((point) => point.name === name),
      read: async (name) => {
        const found = this.points.find((point) => point.name === name);
        if (found === undefined) throw new HoldfastError('point-missing', 'vanished', `no point ${name}`);
        return read(found);
      },
      writer: async () => {
        writer ??= this.openWriter(runId);
        return writer;
      },
    };
  }

  private openWriter(runId: string): PointWriter {
    this.sessions++;
    const objects = new Map<string, { mime: Uint8Array; properties: object }>();
    const trees = new Map<string, string>();
    const keep = async () => {
      await Promise.resolve();
      for (const [id, object] of objects) this.objects.set(id, object);
      for (const [root, image] of trees) this.trees.set(root, image);
    };
    return {
      lost: this.lost.signal,
      storeItem: async (content) => {
        const { mime, properties } = await readContent(content);
        const objectId = digest(mime, JSON.stringify(properties));
        const known = objects.has(objectId) || this.objects.has(objectId);
        objects.set(objectId, { mime, properties });
        return { objectId, size: mime.byteLength, newBytes: known ? 0 : mime.byteLength };
      },
      openTree: async (root) =>
        openTree(root === undefined ? undefined : this.trees.get(root), (newRoot, image) => {
          for (const [, entries] of image.items) {
            for (const { objectId } of entries) {
              if (!objects.has(objectId) && !this.objects.has(objectId)) throw new Error('unknown object');
            }
          }
          trees.set(newRoot, JSON.stringify(image));
        }),
      commitPoint: async (facts) => {
        await keep();
        if (!this.trees.has(facts.root)) throw new Error('P2: the point names a tree that is not durable');
        const there = this.points.find((point) => point.facts.pointId === facts.pointId);
        if (there !== undefined) return { name: there.name, adopted: true };
        const name = `points/${new Date(facts.time).toISOString()}.${facts.kind}.${facts.pointId}`;
        this.points.push({ name, facts: structuredClone(facts), runId });
        return { name, adopted: false };
      },
    };
  }
}

async function readContent(content: ItemContent): Promise<{ mime: Uint8Array; properties: object }> {
  const { mime, properties } = content;
  if (mime instanceof Uint8Array) return { mime, properties };
  const pieces: Uint8Array[] = [];
  for await (const piece of mime) pieces.push(piece);
  return { mime: Buffer.concat(pieces), properties };
}

const digest = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 32);
};

function openTree(base: string | undefined, onCommit: (root: string, image: TreeImage) => void): MailboxTree {
  const image: TreeImage = base === undefined ? { folders: [], items: [] } : JSON.parse(base);
  const folders = new Map(image.folders.map((folder) => [folder.id, folder]));
  const items = new Map(
    image.items.map(([id, entries]) => [id, new Map(entries.map((entry) => [entry.key, entry]))]),
  );
  const itemsOf = (folderId: string) => {
    const found = items.get(folderId);
    if (found === undefined) throw new Error(`the tree has no folder ${folderId}`);
    return found;
  };
  const order = (a: ItemEntry, b: ItemEntry) => a.time - b.time || (a.key < b.key ? -1 : 1);
  return {
    folders: async () => [...folders.values()],
    itemCount: async (folderId) => itemsOf(folderId).size,
    putFolder: async (folder) => {
      folders.set(folder.id, folder);
      if (!items.has(folder.id)) items.set(folder.id, new Map());
    },
    removeFolder: async (folderId) => {
      folders.delete(folderId);
      items.delete(folderId);
    },
    getItem: async (folderId, key) => structuredClone(itemsOf(folderId).get(key)),
    putItem: async (folderId, entry, known) => {
      const found = itemsOf(folderId).get(entry.key);
      if ((found === undefined) !== (known === undefined))
        throw new Error('putItem was told wrongly what is known');
      itemsOf(folderId).set(entry.key, structuredClone(entry));
    },
    removeItem: async (folderId, known) => {
      if (!itemsOf(folderId).delete(known.key)) throw new Error('removeItem of an item that is not there');
    },
    findInBase: async (key, time) => {
      const before: TreeImage = base === undefined ? { folders: [], items: [] } : JSON.parse(base);
      const entries = before.items.flatMap(([, found]) => found);
      return entries.find((entry) => entry.key === key && entry.time === time);
    },
    close: async () => undefined,
    items: async function* (folderId) {
      for (const entry of [...itemsOf(folderId).values()].sort(order)) yield await Promise.resolve(entry);
    },
    commit: async () => {
      const sorted: TreeImage = {
        folders: [...folders.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
        items: [...items.entries()]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([id, entries]) => [id, [...entries.values()].sort(order)]),
      };
      const root = digest(JSON.stringify(sorted));
      onCommit(root, sorted);
      const count = [...items.values()].reduce((sum, entries) => sum + entries.size, 0);
      return { root, counts: { items: count, folders: folders.size } };
    },
  };
}
