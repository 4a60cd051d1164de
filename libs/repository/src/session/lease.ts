import { SessionLost } from '../errors.ts';
import type { EngineClock } from '../ports.ts';

/**
 * The right to put, as long as signs of life are renewed. After two thirds of the lease without one the
 * writer stops by itself: nobody may fence it before the whole lease is over. Counts the monotonic clock, and
 * a wall clock that jumped ahead of it means that the machine was suspended: that time counts, too.
 */
export class Lease {
  readonly #clock: EngineClock;
  readonly #leaseMs: number;
  readonly #controller = new AbortController();
  #renewedAt: number;
  #renewedWall: number;

  constructor(clock: EngineClock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#renewedAt = clock.monotonic();
    this.#renewedWall = clock.now();
  }

  /** Aborted when the session is lost; the reason is the error to throw. */
  get lost(): AbortSignal {
    return this.#controller.signal;
  }

  /** `since` is when the renewing put began: its time in flight belongs to the lease. */
  renewed(since: { monotonic: number; wall: number }): void {
    this.#renewedAt = since.monotonic;
    this.#renewedWall = since.wall;
  }

  lose(error: unknown): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(error);
  }

  now(): { monotonic: number; wall: number } {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
  }

  /** Throws what ended the session. Called before every put. */
  assertAlive(): void {
    const age = Math.max(this.#clock.monotonic() - this.#renewedAt, this.#clock.now() - this.#renewedWall);
    if (age > (this.#leaseMs * 2) / 3) {
      this.lose(
        new SessionLost('its lease was not renewed in time', { details: { ageMs: Math.round(age) } }),
      );
    }
    if (this.#controller.signal.aborted) throw this.#controller.signal.reason;
  }
}
