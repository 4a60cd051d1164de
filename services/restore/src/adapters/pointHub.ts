import type { RepositoryRecord } from '@holdfast/contracts';
import {
  type BlobStore,
  type BlobStoreSpec,
  type OpenOptions,
  openBlobStore,
  openRepository,
  type Repository,
} from '@holdfast/repository';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Sealer } from '@holdfast/store';
import type { PointContents } from '../ports.ts';
import { pointContents } from './pointContents.ts';

/** A restore point in use; give it back when done. */
export interface UsedPoint {
  contents: PointContents;
  release(): Promise<void>;
}

/** Restore points of repositories that are open for reading, shared by all sessions and questions of this process. */
export interface PointHub {
  use(record: RepositoryRecord, pointName: string): Promise<UsedPoint>;
  /** The repository itself, open for reading. */
  useRepository(record: RepositoryRecord): Promise<{ repository: Repository; release(): Promise<void> }>;
  /** @throws when a repository in use cannot be reached */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface PointHubDeps {
  sealer: Pick<Sealer, 'open'>;
  clock: Clock;
  logger: Logger;
  open: Omit<OpenOptions, 'secret' | 'logger' | 'readOnly' | 'threads'>;
  /** Where a repository lies; tests put it into memory. */
  specOf?: (record: Pick<RepositoryRecord, 'backend'>) => BlobStoreSpec;
  idleMs: number;
}

interface Entry {
  connection: string;
  users: number;
  idleSince: number;
  retired: boolean;
  opening: Promise<{ store: BlobStore; repository: Repository }>;
  /** Points read before, the latest used last. */
  points: Map<string, Promise<PointContents>>;
}

/** A manifest with cursors and the folder list: some 100 KB at most. */
const keptPoints = 32;

export function createPointHub(deps: PointHubDeps): PointHub {
  return new Hub(deps);
}

class Hub implements PointHub {
  readonly #deps: PointHubDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  readonly #sweeping: Promise<void>;

  constructor(deps: PointHubDeps) {
    this.#deps = deps;
    this.#sweeping = this.#sweep();
  }

  async use(record: RepositoryRecord, pointName: string): Promise<UsedPoint> {
    const { entry, release } = this.#enter(record);
    try {
      return { contents: await this.#contentsOf(entry, pointName), release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  async useRepository(
    record: RepositoryRecord,
  ): Promise<{ repository: Repository; release(): Promise<void> }> {
    const { entry, release } = this.#enter(record);
    try {
      return { repository: (await entry.opening).repository, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  #enter(record: RepositoryRecord): { entry: Entry; release(): Promise<void> } {
    const entry = this.#entryOf(record);
    entry.users++;
    let given = false;
    const release = async () => {
      if (given) return;
      given = true;
      entry.users--;
      entry.idleSince = this.#deps.clock.now();
      if (entry.retired && entry.users === 0) await this.#closeEntry(entry);
    };
    return { entry, release };
  }

  async check(): Promise<void> {
    for (const { opening } of this.#entries.values()) await (await opening).store.stat('config');
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeping;
    const left = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(left.map((entry) => this.#closeEntry(entry)));
  }

  #entryOf(record: RepositoryRecord): Entry {
    const connection = JSON.stringify([record.backend, record.sealedPassphrase]);
    const known = this.#entries.get(record.id);
    if (known?.connection === connection) return known;
    if (known !== undefined) this.#retire(record.id, known);
    const entry: Entry = {
      ...{ connection, users: 0, idleSince: this.#deps.clock.now(), retired: false, points: new Map() },
      opening: this.#open(record),
    };
    this.#entries.set(record.id, entry);
    // A failed opening is not kept: the next one tries again.
    entry.opening.catch(() => {
      if (this.#entries.get(record.id) === entry) this.#entries.delete(record.id);
    });
    return entry;
  }

  async #open(record: RepositoryRecord): Promise<{ store: BlobStore; repository: Repository }> {
    const { sealer, specOf, open } = this.#deps;
    const passphrase = sealer.open(record.sealedPassphrase, `repository:${record.backend.path}`);
    const store = await openBlobStore(specOf === undefined ? record.backend : specOf(record));
    try {
      const options = { ...open, secret: { passphrase }, threads: 0, readOnly: true };
      return { store, repository: await openRepository(store, options) };
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  #contentsOf(entry: Entry, pointName: string): Promise<PointContents> {
    const known = entry.points.get(pointName);
    entry.points.delete(pointName);
    const contents = known ?? this.#read(entry, pointName);
    entry.points.set(pointName, contents);
    const [oldest] = entry.points.keys();
    if (entry.points.size > keptPoints && oldest !== undefined) entry.points.delete(oldest);
    contents.catch(() => entry.points.delete(pointName));
    return contents;
  }

  async #read(entry: Entry, pointName: string): Promise<PointContents> {
    const { repository } = await entry.opening;
    const point = await repository.readPoint(pointName);
    // Whoever has seen the point has its index after this: it was written before the point.
    await repository.refresh();
    return pointContents(repository, point);
  }

  /** Nobody new gets it; it is closed when the last one has left. */
  #retire(id: string, entry: Entry): void {
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
    entry.retired = true;
    if (entry.users === 0) void this.#closeEntry(entry);
  }

  async #closeEntry(entry: Entry): Promise<void> {
    try {
      await (await entry.opening).repository.close();
    } catch (error) {
      this.#deps.logger.warn({ error }, 'a repository could not be closed cleanly');
    }
  }

  async #sweep(): Promise<void> {
    const { clock, idleMs } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(idleMs / 4, this.#stopping.signal);
      const now = clock.now();
      for (const [id, entry] of this.#entries) {
        if (entry.users === 0 && now - entry.idleSince >= idleMs) this.#retire(id, entry);
      }
    }
  }
}
