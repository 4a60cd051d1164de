import { randomInt, randomUUID } from 'node:crypto';
import type { Bucket } from './bucket.ts';
import { BrokerUnavailable } from './errors.ts';
import type { Log } from './log.ts';
import { pause } from './pauses.ts';
import type { SlotLease } from './ports.ts';
import {
  emptyBook,
  grantable,
  type Share,
  type SlotBook,
  type SlotRequest,
  withoutEnded,
  withoutShare,
  withShare,
} from './slotBook.ts';

export const slotBucket = 'budgets';
/** Keys that nobody uses are forgotten by the bucket. */
export const slotBucketTtlMs = 24 * 60 * 60 * 1000;

/** Tells all processes of a new shared pause at once; who misses it reads it at the next renewal. */
export interface FenceLine {
  tell(key: string, untilMs: number): void;
  listen(listener: (key: string, untilMs: number) => void): () => void;
}

export interface SlotOptions {
  ttlMs: number;
  now: () => number;
  log: Log;
}

interface Holding {
  id: string;
  request: SlotRequest;
  slots: number;
  renewedAt: number;
  lost: AbortController;
}

/** What this process holds of one key. */
interface KeyState {
  key: string;
  holdings: Map<string, Holding>;
  /** Requests under way: while there are any, the key is not forgotten. */
  requests: number;
  fence: number;
  /** The book as this process wrote it last: good for the next change unless somebody else wrote meanwhile. */
  known: { book: SlotBook; revision: number } | undefined;
  /** Changes of one key by this process wait for each other, so that they do not outdate each other. */
  turn: Promise<unknown>;
}

/** Decides over the newest book: the new one, or undefined to leave it. */
type Change = (book: SlotBook) => SlotBook | undefined;

const mostTries = 60;
/** Keys that a process has used last and does not hold; some 300 bytes each. */
const mostRemembered = 20_000;

/**
 * Shares of counted resources: one document a key, changed by compare-and-set. A share lives for the TTL and is
 * renewed at two ninths of it, all shares that this process has of a key in one write; a holder counts it as lost
 * after two thirds without success, which leaves a third of the TTL for clocks that differ between machines.
 */
export class Slots {
  private readonly bucket: Bucket;
  private readonly fences: FenceLine;
  private readonly options: SlotOptions;
  private readonly keys = new Map<string, KeyState>();
  private readonly renewing = new Set<KeyState>();
  private readonly stopping = new AbortController();
  private readonly deaf: () => void;
  private readonly turns: Promise<void>;
  private readonly limits: NodeJS.Timeout;

  constructor(bucket: Bucket, fences: FenceLine, options: SlotOptions) {
    this.bucket = bucket;
    this.fences = fences;
    this.options = options;
    this.deaf = fences.listen((key, untilMs) => {
      const state = this.keys.get(key);
      if (state !== undefined) state.fence = Math.max(state.fence, untilMs);
    });
    this.turns = this.renewInTurns();
    this.limits = setInterval(() => this.watchLimits(), Math.max(options.ttlMs / 30, 10));
    this.limits.unref();
  }

  /** See `Messaging.acquireSlots`. */
  async acquire(key: string, request: SlotRequest): Promise<SlotLease | undefined> {
    const lost = new AbortController();
    const holding: Holding = { id: randomUUID(), request, slots: 0, renewedAt: performance.now(), lost };
    const state = this.stateOf(key);
    state.requests += 1;
    try {
      await this.modify(state, (book) => {
        // Written by a try of ours that we did not hear back from.
        const already = book.shares[holding.id];
        holding.slots = already?.slots ?? grantable(book, request);
        if (already !== undefined || holding.slots === 0) return undefined;
        return withShare(book, holding.id, this.shareOf(holding));
      });
      if (holding.slots === 0) return undefined;
      state.holdings.set(holding.id, holding);
      return this.handle(state, holding);
    } finally {
      state.requests -= 1;
    }
  }

  /** Renews all out of turn: the broker may have come back without them, and counts revisions anew. */
  renewNow(): void {
    for (const state of this.keys.values()) state.known = undefined;
    this.renewAll();
  }

  private renewAll(): void {
    // What is not held is remembered for the next time, which then needs no look before its write.
    let tooMany = this.keys.size - mostRemembered;
    for (const state of this.keys.values()) {
      if (state.holdings.size === 0) {
        if (state.requests === 0 && (tooMany > 0 || state.known === undefined)) this.keys.delete(state.key);
        tooMany -= 1;
        continue;
      }
      if (this.renewing.has(state)) continue;
      this.renewing.add(state);
      void this.renew(state).finally(() => this.renewing.delete(state));
    }
  }

  /** Gives all back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.limits);
    this.deaf();
    await this.turns;
    const open = [...this.keys.values()].flatMap((state) =>
      [...state.holdings.values()].map((holding) => this.release(state, holding)),
    );
    await Promise.all(open);
  }

  private stateOf(key: string): KeyState {
    const found = this.keys.get(key);
    if (found !== undefined) return found;
    const state: KeyState = {
      ...{ key, holdings: new Map(), requests: 0, fence: 0 },
      ...{ known: undefined, turn: Promise.resolve() },
    };
    this.keys.set(key, state);
    return state;
  }

  /** Reads, lets `change` decide, writes; again when somebody was faster. */
  private modify(state: KeyState, change: Change): Promise<void> {
    const work = state.turn.then(() => this.modifyNow(state, change));
    // Who waits for this turn does not care how it ended.
    state.turn = work.then(
      () => undefined,
      () => undefined,
    );
    return work;
  }

  private async modifyNow(state: KeyState, change: Change): Promise<void> {
    for (let attempt = 1; attempt <= mostTries; attempt += 1) {
      const remembered = state.known;
      state.known = undefined;
      const { book: found, revision } = remembered ?? (await this.read(state.key));
      state.fence = Math.max(state.fence, found.fence);
      const book = change(withoutEnded(found, this.options.now()));
      if (book === undefined) {
        // A decision against writing is made by the newest book only.
        if (remembered !== undefined) continue;
        return;
      }
      const text = JSON.stringify(book);
      const written =
        revision === undefined
          ? await this.bucket.create(state.key, text)
          : await this.bucket.update(state.key, text, revision);
      if (written !== undefined) {
        state.known = { book, revision: written };
        return;
      }
      if (remembered !== undefined) continue;
      // Somebody was faster. The pause is a matter of chance, or two would meet again and again.
      await pause(randomInt(5 * Math.min(attempt, 10)));
    }
    throw new BrokerUnavailable(`the shares of ${state.key} are changed too often at the same time`);
  }

  private async read(key: string): Promise<{ book: SlotBook; revision: number | undefined }> {
    const entry = await this.bucket.get(key);
    if (entry === undefined) return { book: emptyBook, revision: undefined };
    return { book: JSON.parse(entry.value) as SlotBook, revision: entry.revision };
  }

  private shareOf({ request, slots }: Holding): Share {
    const { owner, lane } = request;
    return { owner, lane, slots, until: this.options.now() + this.options.ttlMs };
  }

  private async renew(state: KeyState): Promise<void> {
    const sentAt = performance.now();
    let kept: Holding[] = [];
    let dropped: Holding[] = [];
    try {
      await this.modify(state, (found) => {
        kept = [];
        dropped = [];
        let book = found;
        for (const holding of state.holdings.values()) {
          // A broker that came back empty has forgotten it; take it again if it still fits.
          const fits = book.shares[holding.id] !== undefined || canRetake(book, holding);
          (fits ? kept : dropped).push(holding);
          if (fits) book = withShare(book, holding.id, this.shareOf(holding));
        }
        return kept.length === 0 ? undefined : book;
      });
      for (const holding of kept) holding.renewedAt = sentAt;
      for (const holding of dropped) this.lose(state, holding, 'others have taken its slots');
    } catch (error) {
      this.options.log.warn({ error, key: state.key }, 'slots could not be renewed yet');
    }
  }

  private lose(state: KeyState, holding: Holding, why: string): void {
    if (!state.holdings.delete(holding.id)) return;
    this.options.log.warn({ key: state.key, owner: holding.request.owner, why }, 'slots lost');
    holding.lost.abort(new Error(`the slots of ${state.key} were lost: ${why}`));
  }

  private watchLimits(): void {
    for (const state of this.keys.values()) {
      for (const holding of [...state.holdings.values()]) {
        const age = performance.now() - holding.renewedAt;
        const limit = (this.options.ttlMs * 2) / 3;
        if (age >= limit) this.lose(state, holding, 'they could not be renewed in time');
      }
    }
  }

  private async renewInTurns(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await pause((this.options.ttlMs * 2) / 9, signal);
      if (!signal.aborted) this.renewAll();
    }
  }

  private handle(state: KeyState, holding: Holding): SlotLease {
    return {
      slots: holding.slots,
      lost: holding.lost.signal,
      get fencedUntil() {
        return state.fence;
      },
      fenceUntil: async (timeMs) => {
        state.fence = Math.max(state.fence, timeMs);
        this.fences.tell(state.key, timeMs);
        await this.modify(state, (book) => (book.fence >= timeMs ? undefined : { ...book, fence: timeMs }));
      },
      release: () => this.release(state, holding),
    };
  }

  private async release(state: KeyState, holding: Holding): Promise<void> {
    if (!state.holdings.delete(holding.id)) return;
    try {
      await this.modify(state, (book) =>
        book.shares[holding.id] === undefined ? undefined : withoutShare(book, holding.id),
      );
    } catch (error) {
      this.options.log.debug({ error, key: state.key }, 'slots were not given back; they end by themselves');
    }
  }
}

const canRetake = (book: SlotBook, holding: Holding) =>
  grantable(book, { ...holding.request, want: holding.slots }) === holding.slots;
