import { SessionLost } from '../errors.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { BlobStore, EngineClock, EngineLogger } from '../ports.ts';
import type { Lease } from './lease.ts';
import { isFenced, putBeat, putOpenRecord, readCondemned } from './liveRecords.ts';

export interface HeartbeatDeps {
  store: BlobStore;
  index: ObjectIndex;
  clock: EngineClock;
  logger: EngineLogger;
  sessionId: string;
  writer: string;
  lease: Lease;
  leaseMs: number;
  pollMs: number;
  /** Copies what uncommitted work needs of these packs; resolves when the copies are durable. */
  repair: (condemned: ReadonlySet<string>) => Promise<number>;
  /** Runs the action while no flush and no commit runs. */
  exclusive: <T>(action: () => Promise<T>) => Promise<T>;
}

/**
 * The writer's side of deletion while others write. Every `pollMs` it reads new condemned lists, repairs, and
 * only then acknowledges; a third of the lease apart it gives a sign of life. A fence ends the session.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #acknowledged = -1;
  #beats = 0;
  #lastBeat = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  /** Newest condemned generation that this session respects. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Rule W1. Nothing is deduplicated before this has returned. */
  async join(): Promise<void> {
    const { clock, index, leaseMs, lease, sessionId, store, writer } = this.#deps;
    const since = lease.now();
    const startedAt = new Date(clock.now()).toISOString();
    await putOpenRecord(store, { sessionId, writer, startedAt, leaseMs });
    const newest = await this.#condemn();
    await index.refresh();
    this.#acknowledged = newest.generation;
    await this.#beat(since);
    this.#schedule();
  }

  /** Before a manifest: new lists are respected first, so that nothing it names rests on a condemned pack. */
  async beforeCommit(): Promise<void> {
    await this.#respectNewLists();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel = this.#deps.clock.after(
      this.#deps.pollMs,
      () => {
        void this.#tick().finally(() => this.#schedule());
      },
      true,
    );
  }

  async #tick(): Promise<void> {
    const { exclusive, lease, logger, sessionId, store } = this.#deps;
    if (this.#stopped || lease.lost.aborted) return;
    try {
      if (await isFenced(store, sessionId)) lease.lose(new SessionLost('a collector has fenced it'));
      lease.assertAlive();
      await exclusive(() => this.#respectNewLists());
      const due = this.#lastBeat + this.#deps.leaseMs / 3 <= this.#deps.clock.monotonic();
      if (due) await this.#beat(lease.now());
    } catch (error) {
      // Tried again at the next tick; when that goes on for too long, the lease ends the session.
      logger.warn('heartbeat failed', {
        sessionId,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  async #respectNewLists(): Promise<void> {
    const { lease, logger, repair, sessionId } = this.#deps;
    const { generation, packs } = await this.#condemn();
    if (generation <= this.#acknowledged) return;
    const copied = await repair(new Set(packs));
    const since = lease.now();
    this.#acknowledged = generation;
    await this.#beat(since);
    logger.info('condemned packs acknowledged', { sessionId, generation, packs: packs.length, copied });
  }

  async #condemn(): Promise<{ generation: number; packs: string[] }> {
    const lists = await readCondemned(this.#deps.store, this.#acknowledged);
    const packs = lists.flatMap((list) => list.packs);
    this.#deps.index.condemn(packs);
    return { generation: lists.at(-1)?.generation ?? this.#acknowledged, packs };
  }

  async #beat(since: { monotonic: number; wall: number }): Promise<void> {
    const { clock, lease, sessionId, store } = this.#deps;
    lease.assertAlive();
    await putBeat(store, sessionId, this.#beats++, this.#acknowledged, new Date(clock.now()).toISOString());
    lease.renewed(since);
    this.#lastBeat = since.monotonic;
  }
}
