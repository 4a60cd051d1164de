import { classOf, HoldfastError, type RepositoryRecord, zeroTotals } from '@holdfast/contracts';
import {
  type BlobStore,
  type BlobStoreSpec,
  openBlobStore,
  openRepository,
  type Repository,
  type RestorePoint,
} from '@holdfast/repository';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Sealer } from '@holdfast/store';
import type { NamedPoint, OpenPointStore, PointOrigin, PointStore } from '../ports.ts';

export interface RepositoryPointsDeps {
  sealer: Pick<Sealer, 'open'>;
  /** Folder for what repositories keep on this machine. */
  cacheDir: string;
  clock: Clock;
  logger: Logger;
  /** A repository without work for so long is closed, ms. */
  idleMs: number;
  /** Where a repository lies; tests put it into memory. */
  specOf?: (record: RepositoryRecord) => BlobStoreSpec;
}

export interface RepositoryPoints {
  open: OpenPointStore;
  /** Closes all repositories. */
  close(): Promise<void>;
}

interface Entry {
  /** What the record said when it was opened; another passphrase or place opens anew. */
  connection: string;
  place: BlobStore;
  repository: Repository;
  users: number;
  idleSince: number;
}

/**
 * Repositories with the right to remove. Opening one costs half a second of key derivation, so it stays open between
 * passes; the config is read at each pass, which proves that its place is still mounted before anything is listed.
 */
export function repositoryPoints(deps: RepositoryPointsDeps): RepositoryPoints {
  const { clock } = deps;
  const entries = new Map<string, Entry>();
  const stopping = new AbortController();
  const sweeping = sweep();

  async function sweep(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(deps.idleMs, stopping.signal);
      const idle = [...entries].filter(
        ([, { users, idleSince }]) => users === 0 && clock.now() - idleSince >= deps.idleMs,
      );
      for (const [id] of idle) await drop(id);
    }
  }

  async function drop(id: string): Promise<void> {
    const entry = entries.get(id);
    entries.delete(id);
    await entry?.repository.close();
  }

  async function use(record: RepositoryRecord): Promise<Entry> {
    const connection = JSON.stringify([record.backend, record.sealedPassphrase, record.engineId]);
    const known = entries.get(record.id);
    if (known !== undefined && known.connection === connection) {
      known.users += 1;
      return known;
    }
    if (known !== undefined && known.users === 0) await drop(record.id);
    const entry = { connection, ...(await openAnew(deps, record)), users: 1, idleSince: clock.now() };
    entries.set(record.id, entry);
    return entry;
  }

  return {
    async open(record) {
      const entry = await use(record);
      const release = async (): Promise<void> => {
        entry.users -= 1;
        entry.idleSince = clock.now();
        // Replaced by a newer one meanwhile.
        if (entries.get(record.id) !== entry && entry.users === 0) await entry.repository.close();
      };
      try {
        await entry.place.get('config');
      } catch (error) {
        entries.delete(record.id);
        await release();
        throw error;
      }
      return pointStore(entry.repository, release);
    },
    async close() {
      stopping.abort();
      await sweeping;
      for (const id of [...entries.keys()]) await drop(id);
    },
  };
}

async function openAnew(
  deps: RepositoryPointsDeps,
  record: RepositoryRecord,
): Promise<Pick<Entry, 'place' | 'repository'>> {
  const { logger, cacheDir } = deps;
  const passphrase = deps.sealer.open(record.sealedPassphrase, `repository:${record.backend.path}`);
  const place = await openBlobStore(deps.specOf?.(record) ?? record.backend);
  const engineLogger = {
    info: (message: string, facts?: object) => logger.info(facts ?? {}, message),
    warn: (message: string, facts?: object) => logger.warn(facts ?? {}, message),
  };
  const options = { secret: { passphrase }, cacheDir, threads: 0, logger: engineLogger };
  const repository = await openRepository(place, options).catch(async (error: unknown) => {
    await place.close();
    throw error;
  });
  if (repository.id !== record.engineId) {
    await repository.close();
    throw anotherRepository(record);
  }
  return { place, repository };
}

function pointStore(repository: Repository, release: () => Promise<void>): PointStore {
  return {
    async points(identity) {
      const found: NamedPoint[] = [];
      for await (const ref of repository.points({ mailboxKey: repository.mailboxKey(identity) })) {
        found.push({ name: ref.name, pointId: ref.pointId, kind: ref.kind, timeMs: ref.time });
      }
      return found;
    },
    async origin(name) {
      try {
        return originOf(await repository.readPoint(name));
      } catch (error) {
        if (classOf(error) === 'vanished') return undefined;
        throw error;
      }
    },
    remove: (name) => repository.removePoint(name),
    async measureFreed(names) {
      await repository.refresh();
      return repository.measureFreed(names);
    },
    close: release,
  };
}

/** The record of a point whose own was lost; what only its run knew (requests, bytes read) is not told any more. */
function originOf(point: RestorePoint): PointOrigin {
  const { jobId, runId, mailboxAddress, finishedAt, counts, gaps } = point;
  const totals = {
    ...zeroTotals,
    ...{ itemsNew: counts.new, itemsChanged: counts.changed, itemsRemoved: counts.removed },
    ...{ itemsTotal: counts.stored, folders: counts.folders, gapsOpen: gaps.length },
  };
  return {
    ...{ jobId, runId, mailboxAddress, committedAt: new Date(finishedAt).toISOString(), totals },
    ...{ itemsTotal: counts.stored, folders: counts.folders, gapsOpen: gaps.length },
  };
}

const anotherRepository = (record: RepositoryRecord): HoldfastError =>
  new HoldfastError(
    'another-repository',
    'configuration',
    `at ${record.backend.path} there is another repository than ${record.name}`,
    { remedy: 'Mount the folder of this repository at its place again; nothing was removed.' },
  );
