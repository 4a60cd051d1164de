import { StoreUnavailable } from '../errors.ts';
import { createPauses } from '../pauses.ts';
import type { StoreDeps } from '../ports.ts';
import { type Database, lockPatience } from './database.ts';
import { isBusy, isRefusal, sqliteFailure } from './sqliteErrors.ts';

interface QueuedWrite {
  /** Runs inside the transaction; what it returns settles the promise once the transaction is on the disk. */
  run: () => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** At about 20 µs a write, a batch holds up the event loop for some 10 ms plus the fsync. */
const maxBatch = 500;

/**
 * After a transaction of t ms the next one waits until 3 t have gone by: on a slow or busy disk the writers that come
 * meanwhile share one fsync, and at least three quarters of the time belong to the event loop. Shorter pauses than a
 * timer can keep are left out, so on a quiet fast disk nobody waits; and so are those after a single write, because who
 * writes alone, one write after the other, would wait for nobody.
 */
const pacing = { times: 3, shortestMs: 1, longestMs: 30 };

/**
 * Writes of one process, grouped: everything queued in the same turn of the event loop, or while the queue paces
 * itself, becomes one transaction with one fsync. No promise resolves before its transaction is on the disk.
 */
export class WriteQueue {
  readonly #database: Database;
  readonly #deps: StoreDeps;
  #queued: QueuedWrite[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;
  /** Monotonic time before which no transaction begins. */
  #notBefore = 0;

  constructor(database: Database, deps: StoreDeps) {
    this.#database = database;
    this.#deps = deps;
  }

  /** Queues a write of one statement (or of several that make sense alone). Order is kept. */
  write<R>(run: () => R): Promise<R> {
    if (this.#closed) return Promise.reject(new StoreUnavailable(`${this.#database.path} is closed`));
    return new Promise<R>((resolve, reject) => {
      this.#queued.push({ run, resolve: resolve as (result: unknown) => void, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Takes no more writes and resolves when the queued ones are settled. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queued.length > 0) {
      // After the promise callbacks of this turn, so that all writers that are ready share the transaction.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.#pace();
      const started = performance.now();
      const batch = this.#queued.splice(0, maxBatch);
      await this.#commit(batch);
      const ended = performance.now();
      const pauseMs = batch.length === 1 ? 0 : Math.min(pacing.times * (ended - started), pacing.longestMs);
      this.#notBefore = ended + pauseMs;
    }
    this.#draining = undefined;
  }

  async #pace(): Promise<void> {
    const pauseMs = this.#notBefore - performance.now();
    if (this.#closed || pauseMs < pacing.shortestMs) return;
    await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
  }

  async #commit(batch: readonly QueuedWrite[]): Promise<void> {
    try {
      await this.#begin();
      const settle = batch.map((write) => this.#attempt(write));
      this.#database.exec('COMMIT');
      for (const done of settle) done();
    } catch (error) {
      this.#rollBack(batch, sqliteFailure(this.#database.path, error));
    }
  }

  async #begin(): Promise<void> {
    const pause = createPauses(this.#deps, lockPatience);
    for (;;) {
      try {
        if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
        this.#database.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        if (!isBusy(error) || !(await pause())) throw error;
      }
    }
  }

  #attempt(write: QueuedWrite): () => void {
    try {
      const result = write.run();
      return () => write.resolve(result);
    } catch (error) {
      // A refused write undoes its own statement only; the neighbours go on.
      if (!isRefusal(error)) throw error;
      return () => write.reject(error);
    }
  }

  /** A failed transaction leaves nothing; all its writers learn the same reason. */
  #rollBack(batch: readonly QueuedWrite[], reason: Error): void {
    let cause = reason;
    try {
      // SQLite has rolled back by itself after a full disk or an I/O error.
      if (this.#database.isOpen && this.#database.inTransaction) this.#database.exec('ROLLBACK');
    } catch (error) {
      cause = new StoreUnavailable(
        `${this.#database.path}: a transaction could be neither ended nor undone`,
        {
          cause: new AggregateError([reason, error]),
        },
      );
    }
    for (const write of batch) write.reject(cause);
  }
}
