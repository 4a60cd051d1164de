import { type EventRecord, HoldfastError, type HoldfastEvent, parseEvent } from '@holdfast/contracts';
import { type Log, noLog } from './log.ts';
import { growingPause, pause } from './pauses.ts';
import type { Running } from './ports.ts';

/** What the outbox needs of the collection `events`; the store's `Collection<EventRecord>` fits. */
export interface OutboxRows {
  insert(row: EventRecord): Promise<{ doc: EventRecord; version: number }>;
  replace(row: EventRecord, expectedVersion: number): Promise<unknown>;
  get(id: string): Promise<{ doc: EventRecord; version: number } | undefined>;
  find(query: {
    where?: Readonly<Record<string, boolean | string | { gte?: string; lte?: string }>>;
    sort?: { field: string; order: 'asc' | 'desc' };
    limit?: number;
    after?: string;
  }): Promise<{ items: { doc: EventRecord; version: number }[]; next?: string }>;
}

export interface OutboxOptions {
  rows: OutboxRows;
  /** Resolves when the broker has the event, such as `messaging.publishEvent`. */
  publish: (event: HoldfastEvent) => Promise<void>;
  /** Name of the service, for log lines. */
  source: string;
  /** Milliseconds since the epoch. */
  now: () => number;
  logger?: Log;
  /** How often rows are looked for that a crashed process has left. Default 5 s. */
  sweepEveryMs?: number;
  /**
   * How long published rows wait for others, so that marking them is one transaction. What a crash leaves unmarked is
   * published again, which its id makes harmless. Default 0.
   */
  settleAfterMs?: number;
}

/**
 * Events that are durable before they are published. Each is a row of the collection `events`, which is the event log
 * too: `pending` until the broker has it, kept afterwards. Several processes may relay the same row; the event's
 * deterministic id makes the repeat harmless.
 */
export interface Outbox {
  /** Resolves when all rows are durable; an event that has its row already is left as it is. */
  add(...events: HoldfastEvent[]): Promise<void>;
  /**
   * As `add`, for a caller that writes the rows together with other documents. `write` resolves when they are durable, with
   * what it inserted and undefined for a row that was there. Its error passes; rows that it left are relayed all the same.
   */
  addWith(
    events: readonly HoldfastEvent[],
    write: (rows: readonly EventRecord[]) => Promise<readonly (Row | undefined)[]>,
  ): Promise<void>;
  /** Publishes what is pending now. @throws the first error of publishing or of the store. */
  flush(): Promise<void>;
  /** Relays right after each `add`, and every few seconds what is left over; `stop` relays once more. */
  start(): Running;
  /** Publishes kept events again from a time on (ISO 8601), for a broker that has lost them. Returns how many. */
  republish(sinceTime: string): Promise<number>;
}

type Row = { doc: EventRecord; version: number };
type Where = NonNullable<Parameters<OutboxRows['find']>[0]['where']>;
const pageSize = 200;
/** Rows kept in memory until they are published; more are read from the store. */
const mostFresh = 1000;

export function createOutbox(options: OutboxOptions): Outbox {
  const relay = new OutboxRelay(options);
  return {
    add: (...events) => relay.add(events),
    addWith: (events, write) => relay.addWith(events, write),
    flush: () => relay.flush(),
    start: () => relay.start(),
    republish: (sinceTime) => relay.republish(sinceTime),
  };
}

class OutboxRelay {
  private readonly options: OutboxOptions;
  private readonly log: Log;
  private readonly sweepEveryMs: number;
  /** Aborted, and replaced, when something was added. */
  private bell = new AbortController();
  private relaying: Promise<void> = Promise.resolve();
  /** Rows that this process has just written, in their order: published without being read again. */
  private fresh: Row[] = [];
  /** Published rows that are being marked so; the next events do not wait for that. */
  private readonly settling = new Set<Promise<void>>();
  /** Published rows that wait for others to be marked with. */
  private published: Row[] = [];
  private settlingSoon: NodeJS.Timeout | undefined;
  /** True when every pending row that this process knows of is in `fresh`. */
  private onlyFresh = false;

  constructor(options: OutboxOptions) {
    this.options = options;
    this.log = options.logger ?? noLog;
    this.sweepEveryMs = options.sweepEveryMs ?? 5000;
  }

  async add(events: readonly HoldfastEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.addWith(events, async (rows) => {
      const written: (Row | undefined)[] = [];
      for (const row of rows) written.push(await this.insert(row));
      return written;
    });
  }

  async addWith(
    events: readonly HoldfastEvent[],
    write: (rows: readonly EventRecord[]) => Promise<readonly (Row | undefined)[]>,
  ): Promise<void> {
    try {
      for (const row of await write(events.map(rowOf))) this.remember(row);
    } catch (error) {
      // Some of them may be there.
      this.onlyFresh = false;
      throw error;
    } finally {
      // With a reason, because the one that is made without costs a stack.
      this.bell.abort('rung');
      this.bell = new AbortController();
    }
  }

  /** A row that was there already may be what a crash has left. */
  private remember(row: Row | undefined): void {
    if (row !== undefined && this.fresh.length < mostFresh) this.fresh.push(row);
    else this.onlyFresh = false;
  }

  /** One relay at a time in this process. */
  flush(): Promise<void> {
    return this.inTurn(() => this.relayPending());
  }

  private inTurn(relay: () => Promise<void>): Promise<void> {
    const next = this.relaying.then(relay);
    // Who waits for this one does not care how it ended.
    this.relaying = next.then(
      () => undefined,
      () => undefined,
    );
    return next;
  }

  start(): Running {
    const stopping = new AbortController();
    const running = this.relayForEver(stopping.signal);
    return {
      stop: async () => {
        stopping.abort();
        await running;
        await this.flush().catch((error: unknown) => {
          const { source } = this.options;
          this.log.warn({ error, source }, 'events stay in the outbox for the next start');
        });
      },
    };
  }

  async republish(sinceTime: string): Promise<number> {
    let count = 0;
    for await (const page of this.pages({ time: { gte: sinceTime } })) {
      const errors = await this.relayPage(page, async () => undefined);
      if (errors.length > 0) throw errors[0];
      count += page.length;
    }
    return count;
  }

  private async insert(row: EventRecord): Promise<Row | undefined> {
    try {
      return await this.options.rows.insert(row);
    } catch (error) {
      if (!hasCode(error, 'already-exists')) throw error;
      return undefined;
    }
  }

  private async *pages(where: Where): AsyncIterable<Row[]> {
    let after: string | undefined;
    do {
      const sort = { field: 'time', order: 'asc' } as const;
      const place = after === undefined ? {} : { after };
      const page = await this.options.rows.find({ where, sort, limit: pageSize, ...place });
      yield page.items;
      after = page.next;
    } while (after !== undefined);
  }

  /** What was just added; the store is asked only after trouble, and now and then for what others have left. */
  private async relayFresh(): Promise<void> {
    if (!this.onlyFresh) return await this.relayPending();
    const errors = await this.relayPage(this.fresh.splice(0), async (row) => this.settleLater(row));
    if (errors.length === 0) return;
    this.onlyFresh = false;
    throw errors[0];
  }

  private async relayPending(): Promise<void> {
    const errors: unknown[] = [];
    this.settlePublished();
    await Promise.all(this.settling);
    this.fresh = [];
    this.onlyFresh = true;
    for await (const page of this.pages({ pending: true })) {
      errors.push(...(await this.relayPage(page, (row) => this.settle(row))));
      // Going on would only wait for the same broker again; what is refused for itself must not stop the others.
      if (errors.some((error) => hasCode(error, 'broker-unavailable'))) break;
    }
    if (errors.length === 0) return;
    this.onlyFresh = false;
    throw errors[0];
  }

  /** Events of one subject in their order, different subjects side by side. Gives back what went wrong. */
  private async relayPage(page: readonly Row[], after: (row: Row) => Promise<void>): Promise<unknown[]> {
    const errors: unknown[] = [];
    const bySubject = Map.groupBy(page, (row) => row.doc.subject);
    const lanes = [...bySubject.values()].map(async (lane) => {
      for (const row of lane) {
        try {
          await this.options.publish(parseEvent(row.doc.event));
          await after(row);
        } catch (error) {
          const { source } = this.options;
          const { id, name } = row.doc;
          this.log.warn({ error, event: id, name, source }, 'an event waits to be published');
          errors.push(error);
          return;
        }
      }
    });
    await Promise.all(lanes);
    return errors;
  }

  private settleLater(row: Row): void {
    this.published.push(row);
    const { settleAfterMs = 0 } = this.options;
    if (settleAfterMs === 0) this.settlePublished();
    else this.settlingSoon ??= setTimeout(() => this.settlePublished(), settleAfterMs);
  }

  private settlePublished(): void {
    clearTimeout(this.settlingSoon);
    this.settlingSoon = undefined;
    for (const row of this.published.splice(0)) {
      const settling = this.settle(row)
        .catch((error: unknown) => {
          // Found by the next look at the store, and published once more.
          this.onlyFresh = false;
          const { source } = this.options;
          this.log.warn({ error, event: row.doc.id, source }, 'an event is still marked as pending');
        })
        .finally(() => this.settling.delete(settling));
      this.settling.add(settling);
    }
  }

  private async settle(row: Row): Promise<void> {
    try {
      await this.options.rows.replace({ ...row.doc, pending: false }, row.version);
    } catch (error) {
      // Another process relayed the same row.
      if (!hasCode(error, 'version-conflict')) throw error;
    }
  }

  private async relayForEver(stopping: AbortSignal): Promise<void> {
    const pauses = growingPause(500, Math.max(this.sweepEveryMs, 500));
    let sweptAt = Number.NEGATIVE_INFINITY;
    while (!stopping.aborted) {
      const bell = this.bell.signal;
      let waitMs = this.sweepEveryMs;
      try {
        const sweep = performance.now() - sweptAt >= this.sweepEveryMs;
        if (sweep) sweptAt = performance.now();
        await this.inTurn(() => (sweep ? this.relayPending() : this.relayFresh()));
        pauses.reset();
      } catch (error) {
        waitMs = pauses.next();
        this.log.warn({ error, source: this.options.source, waitMs }, 'the outbox waits');
      }
      await pause(waitMs, stopping, bell);
    }
  }
}

function rowOf(event: HoldfastEvent): EventRecord {
  const { id, time, name, subject } = event;
  return { id, time, name, subject, pending: true, event: { ...event } };
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof HoldfastError && error.code === code;
