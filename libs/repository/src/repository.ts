import { join } from 'node:path';
import type { RepositoryConfig } from './config.ts';
import { EngineRefusal } from './errors.ts';
import { adoptUnindexedPacks } from './index/adoptPacks.ts';
import { ObjectIndex } from './index/objectIndex.ts';
import type { MasterKeys } from './keys/masterKeys.ts';
import { changePassphrase, type RecoveryFacts, recoveryFacts } from './keys/slotMaintenance.ts';
import { FrameOpener } from './packs/frameOpener.ts';
import { readItem, type StoredItem } from './packs/itemReader.ts';
import { MessageRebuilder } from './packs/messageRebuilder.ts';
import { ObjectReader } from './packs/objectReader.ts';
import { ReadThreads } from './packs/readThreads.ts';
import { Slabs } from './packs/slabs.ts';
import { parseManifest, type RestorePoint } from './points/manifest.ts';
import { listPoints, type PointFilter, type PointRef } from './points/pointList.ts';
import type { BlobStore, EngineClock, EngineLogger, RandomBytes } from './ports.ts';
import { inlineThread } from './sealing/inlineThread.ts';
import type { SealThread } from './sealing/sealThread.ts';
import { workerThread } from './sealing/workerThread.ts';
import { WriterSession } from './session/writerSession.ts';
import { diffTrees, type TreeChange } from './tree/diffTrees.ts';
import { KeyTimesCache } from './tree/keyTimesCache.ts';
import { PageSource } from './tree/pageSource.ts';
import { TreeReader } from './tree/treeReader.ts';
import type { Finding } from './verify/finding.ts';
import { type FreedSpace, measureFreed } from './verify/measureFreed.ts';
import { collectStatistics, type RepositoryStatistics } from './verify/statistics.ts';
import { type VerifyOptions, verifyRepository } from './verify/verifyRepository.ts';

export interface RepositoryDeps {
  store: BlobStore;
  config: RepositoryConfig;
  keys: MasterKeys;
  cacheDir: string;
  threads: number;
  clock: EngineClock;
  random: RandomBytes;
  readOnly: boolean;
  logger: EngineLogger;
  leaseMs: number;
  pollMs: number;
  commitIntervalMs: number;
}

/** An open repository: reading at any time, writing through one session. */
export class Repository {
  readonly id: string;
  readonly #deps: RepositoryDeps;
  readonly #index: ObjectIndex;
  readonly #reader: ObjectReader;
  readonly #pages: PageSource;
  readonly #readThreads: ReadThreads;
  readonly #opener: FrameOpener;
  readonly #rebuilder: MessageRebuilder;
  #session: WriterSession | undefined;

  static async open(deps: RepositoryDeps): Promise<Repository> {
    const repository = new Repository(deps);
    try {
      await repository.refresh();
      return repository;
    } catch (error) {
      await repository.close();
      throw error;
    }
  }

  private constructor(deps: RepositoryDeps) {
    const { cacheDir, config, keys, random, store } = deps;
    this.id = config.repositoryId;
    this.#deps = deps;
    this.#index = new ObjectIndex({ store, keys, random, repositoryId: this.id, cacheDir });
    this.#reader = new ObjectReader(store, this.#index, keys);
    this.#pages = new PageSource(this.#reader);
    this.#readThreads = new ReadThreads(deps.threads, keys.bytes, join(cacheDir, 'code'));
    const slabs = new Slabs();
    this.#opener = new FrameOpener(this.#readThreads, slabs);
    this.#rebuilder = new MessageRebuilder(this.#readThreads, slabs);
  }

  /** The name of a mailbox in this repository; says nothing to one who has not the key. */
  mailboxKey(mailboxIdentity: string): string {
    return this.#deps.keys.mailboxKey(mailboxIdentity);
  }

  /** Learns what other processes have stored since. */
  refresh(): Promise<void> {
    return this.#index.refresh();
  }

  /**
   * The session through which this process writes; one at a time. Packs that a crashed process left without
   * an index segment are adopted first, so that its work is not done again.
   */
  async openSession(options: { writer: string; adopt?: boolean }): Promise<WriterSession> {
    if (this.#deps.readOnly) {
      throw new EngineRefusal(
        'repository-read-only',
        'The repository is open for reading.',
        'Open it for writing.',
      );
    }
    if (this.#session) {
      throw new EngineRefusal('session-exists', 'This process has a writer session already.', '', {
        errorClass: 'ours',
      });
    }
    const { random } = this.#deps;
    const threads = this.#startThreads();
    const session = await WriterSession.open(
      {
        ...this.#deps,
        index: this.#index,
        reader: this.#reader,
        threads,
        scratchDir: join(this.#deps.cacheDir, this.id, 'scratch'),
        keyTimes: new KeyTimesCache(join(this.#deps.cacheDir, this.id, 'keys')),
        sessionId: Buffer.from(random(16)).toString('hex'),
        onClose: async () => {
          this.#session = undefined;
          for (const thread of threads) await thread.close();
        },
      },
      options.writer,
    );
    this.#session = session;
    if (options.adopt !== false) await this.#adoptFor(session);
    return session;
  }

  /** Restore points by mailbox and time, from a listing of names alone. */
  points(filter?: PointFilter): AsyncIterable<PointRef> {
    return listPoints(this.#deps.store, filter);
  }

  /** Everything a restore point says of itself. Throws `BlobNotFound` and `Damaged` (`damaged-manifest`). */
  async readPoint(ref: PointRef | string): Promise<RestorePoint> {
    const name = typeof ref === 'string' ? ref : ref.name;
    return parseManifest(await this.#deps.store.get(name), name, this.#deps.keys);
  }

  /** The folders and items below a root. */
  tree(root: string): TreeReader {
    return new TreeReader(root, this.#pages);
  }

  /** What is different from A to B; reads only pages that differ. */
  diff(rootA: string, rootB: string): AsyncIterable<TreeChange> {
    return diffTrees(this.#pages, rootA, rootB);
  }

  /** An item by the id that its tree entry names. Contents are read when they are opened. */
  readItem(objectId: string): Promise<StoredItem> {
    return readItem(this.#reader, objectId, this.#opener, this.#rebuilder);
  }

  /** Takes a restore point away; its objects stay until a collector finds them unreachable. */
  async removePoint(ref: PointRef | string): Promise<void> {
    await this.#deps.store.remove(typeof ref === 'string' ? ref : ref.name);
  }

  /** Checks what is stored; each finding is a fault, and none means that nothing was found. */
  verify(options: VerifyOptions): AsyncIterable<Finding> {
    const { config, keys, store } = this.#deps;
    const threads = this.#readThreads;
    return verifyRepository(
      { store, config, keys, index: this.#index, reader: this.#reader, threads },
      options,
    );
  }

  /** What removing these restore points would free; reads metadata, of all mailboxes if it must. */
  measureFreed(names: readonly string[], limit?: number): Promise<FreedSpace> {
    return measureFreed({ ...this.#deps, index: this.#index, reader: this.#reader }, names, limit);
  }

  /** Lists packs that no segment lists into the index. */
  adoptUnindexedPacks(): Promise<{ packs: number; objects: number }> {
    const { clock, config, keys, store } = this.#deps;
    return adoptUnindexedPacks({ store, keys, index: this.#index, repositoryId: config.repositoryId, clock });
  }

  /** Which keys open the repository; no secrets. */
  recoveryFacts(): Promise<RecoveryFacts> {
    return recoveryFacts(this.#deps.store, this.#deps.config);
  }

  /** The new passphrase opens, the old one no longer does, where the storage lets one remove. */
  changePassphrase(newPassphrase: string): Promise<{ oldSlotsRemoved: boolean }> {
    return changePassphrase(this.#deps, newPassphrase);
  }

  statistics(): RepositoryStatistics {
    return collectStatistics(this.#index);
  }

  /** Forgets the local copy of the index and reads it again. */
  rebuildLocalIndex(): Promise<void> {
    return this.#index.rebuildLocal();
  }

  /** Closes an open session, the threads and the store. Safe to call twice. */
  async close(): Promise<void> {
    try {
      await this.#session?.close();
    } finally {
      await this.#readThreads.close();
      this.#index.close();
      await this.#deps.store.close();
    }
  }

  async #adoptFor(session: WriterSession): Promise<void> {
    try {
      const adopted = await this.adoptUnindexedPacks();
      if (adopted.packs > 0) this.#deps.logger.info('unindexed packs adopted', { ...adopted });
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  #startThreads(): SealThread[] {
    const { cacheDir, config, keys, random, threads } = this.#deps;
    const { partBytes, segmentBytes } = config.sizes;
    const settings = {
      keys: keys.bytes,
      sizes: { partBytes, segmentBytes },
      zstdLevel: config.zstdLevel,
      codeCacheDir: join(cacheDir, 'code'),
    };
    if (threads === 0) return [inlineThread(settings, random)];
    return Array.from({ length: threads }, () => workerThread(settings));
  }
}
