import { type Gap, gapSchema, type JsonObject } from '@holdfast/contracts';
import { bodyJson } from '@holdfast/exchange';
import type {
  PointInput,
  PointRef,
  Repository,
  RestorePoint,
  FolderEntry as StoredFolderEntry,
  ItemEntry as StoredItemEntry,
  TreeWriter,
  WriterSession,
} from '@holdfast/repository';
import { z } from 'zod';
import { readCursors } from '../domain/syncState.ts';
import { hasCode } from '../errors.ts';
import type {
  ItemEntry,
  MailboxIdentity,
  MailboxRepository,
  MailboxTree,
  PointFacts,
  PointWriter,
  ReadPoint,
} from '../ports.ts';
import type { OpenedRepository } from './openedRepository.ts';

export interface MailboxInRepositoryDeps {
  identity: MailboxIdentity;
  /** Version of this program, for the manifest. */
  version: string;
  opened: () => Promise<OpenedRepository>;
  session: () => Promise<WriterSession>;
}

/** One mailbox in a repository of the engine. */
export function mailboxInRepository(deps: MailboxInRepositoryDeps): MailboxRepository {
  const { identity } = deps;
  async function read(name: string): Promise<ReadPoint> {
    const { repository } = await deps.opened();
    return readPointOf(name, await repository.readPoint(name));
  }
  return {
    async newest(pointId) {
      const { repository } = await deps.opened();
      const mailboxKey = repository.mailboxKey(identity.identity);
      let [full, checkpoint, own]: (PointRef | undefined)[] = [];
      for await (const ref of repository.points({ mailboxKey })) {
        if (ref.kind === 'full') full = ref;
        else checkpoint = ref;
        if (ref.kind === 'full' && ref.pointId === pointId) own = ref;
      }
      return {
        full: full && (await read(full.name)),
        checkpoint: checkpoint && (await read(checkpoint.name)),
        own: own && (await read(own.name)),
      };
    },
    async has(name) {
      const { store } = await deps.opened();
      try {
        await store.stat(name);
        return true;
      } catch (error) {
        if (hasCode(error, 'blob-not-found')) return false;
        throw error;
      }
    },
    read,
    async writer() {
      const { repository } = await deps.opened();
      // What other processes stored since is not stored again.
      return pointWriter(deps, repository, await deps.session());
    },
  };
}

function pointWriter(
  deps: MailboxInRepositoryDeps,
  repository: Repository,
  session: WriterSession,
): PointWriter {
  return {
    lost: session.lost,
    async storeItem({ properties, body, mime, extraParts }) {
      const propertyTexts = body && new Map([['body', bodyJson(body)]]);
      const item = { properties, propertyTexts, mime, extraParts };
      const { objectId, newBytes, mimeSize } = await session.storeItem(item);
      return { objectId, newBytes, size: mimeSize };
    },
    openTree: async (baseRoot) => mailboxTree(repository, await session.openTree(baseRoot), baseRoot),
    async commitPoint(facts) {
      const ref = await session.commitPoint(pointInputOf(deps, facts));
      return { name: ref.name, adopted: ref.session8 !== session.sessionId.slice(0, 8) };
    },
  };
}

async function mailboxTree(
  repository: Repository,
  tree: TreeWriter,
  baseRoot: string | undefined,
): Promise<MailboxTree> {
  const base = baseRoot === undefined ? undefined : repository.tree(baseRoot);
  const baseFolders = (await base?.folders()) ?? [];
  const counts = new Map(baseFolders.map(({ id, count }) => [id, count]));
  const countBy = (folderId: string, by: number) => counts.set(folderId, (counts.get(folderId) ?? 0) + by);
  return {
    folders: async () => (await tree.folders()).map(folderOf),
    itemCount: async (folderId) => counts.get(folderId) ?? 0,
    putFolder: (folder) => tree.putFolder(folder),
    async removeFolder(folderId) {
      await tree.removeFolder(folderId);
      counts.delete(folderId);
    },
    async getItem(folderId, key, time) {
      const found = await tree.getItem(folderId, key, time);
      return found && itemOf(found);
    },
    async putItem(folderId, entry, known) {
      // Said beforehand where it lay, so that the engine need not look for it.
      if (known !== undefined && known.time !== entry.time) {
        await tree.removeItem(folderId, known.key, known.time);
      }
      await tree.putItem(folderId, entry);
      if (known === undefined) countBy(folderId, 1);
    },
    async removeItem(folderId, known) {
      await tree.removeItem(folderId, known.key, known.time);
      countBy(folderId, -1);
    },
    async *items(folderId) {
      for await (const entry of tree.items(folderId)) yield itemOf(entry);
    },
    async findInBase(key, time) {
      for (const { id } of baseFolders) {
        const found = await base?.item(id, { key, time });
        if (found !== undefined) return itemOf(found);
      }
      return undefined;
    },
    commit: () => tree.commit(),
    close: () => tree.close(),
  };
}

function folderOf({ id, parentId, name, role, hidden }: StoredFolderEntry) {
  return {
    ...{ id, parentId, name },
    ...(role === undefined ? {} : { role }),
    ...(hidden === undefined ? {} : { hidden }),
  };
}

/** State and summary are JSON as this service stored them. */
const itemOf = (entry: StoredItemEntry): ItemEntry => ({ ...entry, state: entry.state as JsonObject });

/** The engine's gaps have no place for what people read; it goes beside them, in the same order. */
const gapPlacesSchema = z.array(z.object({ folderPath: z.string(), subject: z.string().optional() }));
/** The longest text that a manifest takes. */
const longestText = 4096;

function pointInputOf({ identity, version }: MailboxInRepositoryDeps, facts: PointFacts): PointInput {
  const { counts, totals } = facts;
  const places = facts.gaps.map(({ folderPath, subject }) => ({
    folderPath,
    ...(subject === undefined ? {} : { subject }),
  }));
  return {
    pointId: facts.pointId,
    mailboxIdentity: identity.identity,
    mailboxAddress: identity.address,
    organizationId: identity.organizationId,
    runId: identity.runId,
    jobId: identity.jobId,
    kind: facts.kind,
    time: isoTime(facts.time),
    startedAt: isoTime(facts.startedAt),
    finishedAt: isoTime(facts.finishedAt),
    root: facts.root,
    parent: facts.parentId,
    cursors: facts.cursors,
    counts: {
      reported: facts.reportedItems ?? counts.items + facts.gaps.length,
      stored: counts.items,
      folders: counts.folders,
      new: totals.itemsNew,
      changed: totals.itemsChanged,
      removed: totals.itemsRemoved,
      bytes: totals.bytesRead,
    },
    gaps: facts.gaps.map(({ folderPath: _, subject: __, ...gap }) => ({
      ...gap,
      reason: gap.reason.slice(0, longestText),
    })),
    writerVersion: version,
    extra: { ...facts.extra, gapPlaces: places },
  };
}

const isoTime = (ms: number) => new Date(ms).toISOString();

function readPointOf(name: string, point: RestorePoint): ReadPoint {
  const { gapPlaces, ...extra } = point.extra ?? {};
  const places = gapPlacesSchema.safeParse(gapPlaces);
  const gaps = point.gaps.map((gap, index): Gap => {
    const place = places.success ? places.data[index] : undefined;
    return gapSchema.parse({ folderPath: '/', nextTry: gap.lastTried, ...gap, ...place });
  });
  return {
    name,
    pointId: point.pointId,
    kind: point.kind,
    time: Date.parse(point.time),
    startedAt: Date.parse(point.startedAt),
    finishedAt: Date.parse(point.finishedAt),
    runId: point.runId,
    root: point.root,
    cursors: readCursors(point.cursors),
    gaps,
    counts: { items: point.counts.stored, folders: point.counts.folders },
    extra: extra as JsonObject,
  };
}
