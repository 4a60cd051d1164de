import type { RepositoryConfig } from '../config.ts';
import { EngineRefusal, hasCode, SessionLost } from '../errors.ts';
import { canonicalBytes } from '../format/canonicalJson.ts';
import { POINTS_PREFIX, type PointKind, parsePointName, pointName } from '../format/names.ts';
import type { ObjectType } from '../format/objectTypes.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import { NonceSource } from '../keys/nonceSource.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import { PackWriter } from '../packs/packWriter.ts';
import { checkPointInput, manifestBytes, type PointInput } from '../points/manifest.ts';
import { listPoints, type PointRef } from '../points/pointList.ts';
import type { BlobStore, EngineClock, EngineLogger, RandomBytes } from '../ports.ts';
import type { SealThread } from '../sealing/sealThread.ts';
import type { KeyTimesCache } from '../tree/keyTimesCache.ts';
import { TreeWriter } from '../tree/treeWriter.ts';
import { Claims } from './claims.ts';
import { CommitGroup } from './commitGroup.ts';
import { Durability } from './durability.ts';
import { Heartbeat } from './heartbeat.ts';
import { Ingest } from './ingest.ts';
import { type ItemSource, readIfSmall } from './itemSource.ts';
import { Lease } from './lease.ts';
import { isFenced, putClosedRecord } from './liveRecords.ts';
import { ReferenceSet } from './referenceSet.ts';
import type { StoredFacts } from './storedFacts.ts';

export interface WriterSessionDeps {
  store: BlobStore;
  config: RepositoryConfig;
  keys: MasterKeys;
  index: ObjectIndex;
  reader: ObjectReader;
  threads: readonly SealThread[];
  clock: EngineClock;
  random: RandomBytes;
  logger: EngineLogger;
  /** For scratch files of large trees. */
  scratchDir: string;
  keyTimes: KeyTimesCache;
  sessionId: string;
  leaseMs: number;
  pollMs: number;
  commitIntervalMs: number;
  onClose: () => Promise<void>;
}

/**
 * The one writer of a process in a repository. Order of everything durable: packs, index segment, manifest.
 * After `lost` is aborted nothing is put any more and every call throws its reason.
 */
export class WriterSession {
  readonly sessionId: string;
  readonly #deps: WriterSessionDeps;
  readonly #lease: Lease;
  readonly #packs: PackWriter;
  readonly #ingest: Ingest;
  readonly #claims = new Claims();
  readonly #references = new ReferenceSet();
  readonly #bases = new Set<string>();
  readonly #durability: Durability;
  readonly #group: CommitGroup;
  readonly #heartbeat: Heartbeat;
  readonly #manifestNonces: NonceSource;
  #closed = false;

  /** Joins the repository: record, condemned lists, index, acknowledgement (rule W1), in this order. */
  static async open(deps: WriterSessionDeps, writer: string): Promise<WriterSession> {
    const session = new WriterSession(deps, writer);
    try {
      await session.#heartbeat.join();
      return session;
    } catch (error) {
      session.#lease.lose(error);
      await session.close();
      throw error;
    }
  }

  private constructor(deps: WriterSessionDeps, writer: string) {
    const { clock, config, index, keys, leaseMs, random, reader, sessionId, store } = deps;
    this.#deps = deps;
    this.sessionId = sessionId;
    this.#lease = new Lease(clock, leaseMs);
    const ownPacks = new Set<string>();
    const assertAlive = () => this.#lease.assertAlive();
    this.#packs = new PackWriter({
      store,
      nonces: new NonceSource(keys, 'footer', random),
      repositoryId: config.repositoryId,
      session8: sessionId.slice(0, 8),
      dataPackBytes: config.sizes.dataPackBytes,
      metadataPackBytes: config.sizes.metadataPackBytes,
      assertAlive,
      onFailure: (error) => this.#lease.lose(error),
    });
    this.#ingest = new Ingest({
      threads: deps.threads,
      index,
      packs: this.#packs,
      claims: this.#claims,
      references: this.#references,
      ownPacks,
    });
    this.#durability = new Durability({
      packs: this.#packs,
      index,
      reader,
      claims: this.#claims,
      ownPacks,
      clock,
      assertAlive,
    });
    this.#group = new CommitGroup(
      clock,
      deps.commitIntervalMs,
      () => this.#durability.flush(),
      () => this.#packs.isClean,
    );
    this.#heartbeat = new Heartbeat({
      ...deps,
      writer,
      lease: this.#lease,
      repair: (condemned) => this.#durability.repair(condemned, this.#references, this.#bases),
      exclusive: (action) => this.#group.exclusive(action),
    });
    this.#manifestNonces = new NonceSource(keys, 'manifest', random);
    reader.usePending(this.#durability);
  }

  /** Aborted when the session is over against its will (fenced, lease not renewed, storage failed). */
  get lost(): AbortSignal {
    return this.#lease.lost;
  }

  /** Resolves when the item is sealed and in a pack; it is durable after the next `flush`. */
  async storeItem(input: ItemSource): Promise<StoredFacts> {
    this.#assertUsable();
    const properties = canonicalBytes(input.properties, input.propertyTexts);
    const source = await readIfSmall(input);
    if (source.kind === 'small') {
      return this.#guard(
        this.#ingest.store({ kind: 'item', properties, mime: source.mime, extraParts: source.parts }),
      );
    }
    return this.#guard(this.#ingest.storeStreams(source.contents, properties));
  }

  /** Stores one object of the engine's own (tree pages). Hex id. */
  async storeObject(type: ObjectType, bytes: Uint8Array): Promise<string> {
    this.#assertUsable();
    return (await this.#guard(this.#ingest.store({ kind: 'object', type, bytes }))).objectId;
  }

  /** A tree to change, beginning with that of `base`. */
  async openTree(base?: string): Promise<TreeWriter> {
    this.#assertUsable();
    if (base !== undefined) this.#bases.add(base);
    return TreeWriter.open({
      base,
      reader: this.#deps.reader,
      scratchDir: this.#deps.scratchDir,
      keyTimes: this.#deps.keyTimes,
      store: (type, bytes) => this.storeObject(type, bytes),
      onRoot: (root) => this.#bases.add(root),
    });
  }

  /** Everything whose `storeItem` or `commit` has resolved is durable when this returns. */
  async flush(): Promise<void> {
    this.#assertUsable();
    await this.#guard(this.#group.flush());
  }

  /**
   * Makes a restore point: flush, check that the session still counts, put the manifest. A point of this id
   * and kind that is there already is returned as it is.
   */
  async commitPoint(input: PointInput): Promise<PointRef> {
    this.#assertUsable();
    const point = checkPointInput(input);
    const mailboxKey = this.#deps.keys.mailboxKey(point.mailboxIdentity);
    const existing = await this.#findPoint(mailboxKey, point.kind, point.pointId);
    if (existing) return existing;
    await this.#guard(this.#group.flush());
    const ref = {
      mailboxKey,
      time: Date.parse(point.time),
      kind: point.kind,
      pointId: point.pointId,
      generation: 0,
      session8: this.sessionId.slice(0, 8),
    };
    const name = pointName(ref);
    // Exclusive, so that no acknowledgement passes between the check and the put.
    await this.#guard(this.#group.exclusive(() => this.#putManifest(point, name)));
    return { ...ref, name };
  }

  /** Stores what is open, then says that this session has ended. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat.stop();
    try {
      if (!this.lost.aborted) {
        await this.#ingest.idle();
        await this.#group.flush();
        await putClosedRecord(this.#deps.store, this.sessionId);
      }
    } finally {
      await this.#packs.settle();
      this.#deps.reader.usePending(undefined);
      await this.#deps.onClose();
    }
  }

  async #putManifest(point: PointInput, name: string): Promise<void> {
    const { config, store } = this.#deps;
    await this.#heartbeat.beforeCommit();
    if (await isFenced(store, this.sessionId)) {
      this.#lease.lose(new SessionLost('a collector has fenced it'));
    }
    this.#lease.assertAlive();
    const manifest = {
      ...point,
      format: 1,
      repositoryId: config.repositoryId,
      generation: 0,
      sessionId: this.sessionId,
      acknowledged: this.#heartbeat.acknowledged,
    };
    try {
      await store.putIfAbsent(name, manifestBytes(manifest, name, this.#manifestNonces));
    } catch (error) {
      // The name carries this session: an earlier try of ours arrived though its answer was lost.
      if (!hasCode(error, 'blob-already-exists')) throw error;
    }
  }

  async #findPoint(mailboxKey: string, kind: PointKind, pointId: string): Promise<PointRef | undefined> {
    let any = false;
    for await (const { name } of this.#deps.store.list(`${POINTS_PREFIX}${mailboxKey}/`)) {
      any ||= parsePointName(name)?.pointId === pointId;
    }
    if (!any) return undefined;
    for await (const ref of listPoints(this.#deps.store, { mailboxKey, kinds: [kind] })) {
      if (ref.pointId === pointId) return ref;
    }
    return undefined;
  }

  #assertUsable(): void {
    if (this.#closed)
      throw new EngineRefusal('session-closed', 'The writer session is closed.', '', { errorClass: 'ours' });
    this.#lease.assertAlive();
  }

  /** When the session was lost meanwhile, that is the reason to tell, not what followed from it. */
  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      // A thread that died takes the work of others with it: begin again with new threads.
      if (hasCode(error, 'sealing-failed')) this.#lease.lose(error);
      if (this.lost.aborted) throw this.lost.reason;
      throw error;
    }
  }
}
