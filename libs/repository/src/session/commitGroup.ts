import type { EngineClock } from '../ports.ts';

/**
 * Group commit: flushes run one at a time, all that ask while one runs share the next, and a busy process
 * starts at most one in `intervalMs`, so that many small commits do not become many small packs.
 */
export class CommitGroup {
  readonly #clock: EngineClock;
  readonly #intervalMs: number;
  readonly #flush: () => Promise<void>;
  readonly #isClean: () => boolean;
  #tail: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;
  #lastStart = Number.NEGATIVE_INFINITY;

  /** `isClean` tells that a flush would find nothing to do. */
  constructor(clock: EngineClock, intervalMs: number, flush: () => Promise<void>, isClean: () => boolean) {
    this.#isClean = isClean;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#flush = flush;
  }

  /** Resolves when a flush that began after this call has ended; at once when there is nothing to flush. */
  flush(): Promise<void> {
    if (this.#isClean()) return Promise.resolve();
    this.#next ??= this.#schedule();
    return this.#next;
  }

  /** Runs `action` while no flush and no other exclusive action runs. */
  exclusive<T>(action: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(action);
    this.#tail = run.catch(() => undefined);
    return run;
  }

  async #schedule(): Promise<void> {
    await this.#pause();
    await this.exclusive(() => {
      // Whoever asks from now on may have stored something that this flush does not see.
      this.#next = undefined;
      this.#lastStart = this.#clock.monotonic();
      return this.#flush();
    });
  }

  #pause(): Promise<void> {
    const wait = this.#lastStart + this.#intervalMs - this.#clock.monotonic();
    if (!(wait > 0)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.after(wait, resolve);
    });
  }
}
