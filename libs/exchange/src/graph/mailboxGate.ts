import { BudgetLost } from '../errors.ts';
import type { BudgetGrant, ExchangeClock, ExchangeRandom, ReaderStatistics } from '../ports.ts';
import { SlidingWindow, type WindowLimit } from './slidingWindow.ts';
import { Slots } from './slots.ts';

/** Microsoft's limits for an application and mailbox, as far as one process can meter them. */
export interface MailboxLimits {
  requests: WindowLimit;
  /** Bytes of POST, PATCH and PUT bodies. */
  uploadBytes: WindowLimit;
}

/**
 * 10,000 requests in 10 minutes and 150 MB upload in 5 minutes (Graph documentation, "Outlook service limits"),
 * less 1.5 %: the service's window does not begin when ours does.
 */
export const defaultLimits: MailboxLimits = {
  requests: { limit: 9_850, windowMs: 600_000 },
  uploadBytes: { limit: 147_750_000, windowMs: 300_000 },
};

/** What a mailbox has used of its limits; outlives the single reader or writer. */
export interface MailboxMeters {
  requests: SlidingWindow;
  uploadBytes: SlidingWindow;
}

export const newMeters = (limits: MailboxLimits): MailboxMeters => ({
  requests: new SlidingWindow(limits.requests),
  uploadBytes: new SlidingWindow(limits.uploadBytes),
});

export interface GateDeps {
  grant: BudgetGrant;
  meters: MailboxMeters;
  clock: ExchangeClock;
  random: ExchangeRandom;
  statistics: ReaderStatistics;
  signal: AbortSignal;
}

/**
 * The way in for all requests of one mailbox: slots of the grant, the shared fence, and the meters of requests
 * and bytes. Time in which everything stood still for the limits is counted once, however many wait.
 */
export class MailboxGate {
  /** Requests at a time. */
  readonly concurrency: number;
  private readonly deps: GateDeps;
  private readonly slots: Slots;
  private waiting = 0;
  private waitingSince = 0;

  constructor(deps: GateDeps) {
    this.deps = deps;
    this.concurrency = Math.max(1, deps.grant.concurrency);
    this.slots = new Slots(this.concurrency);
  }

  /**
   * Waits until a request may go out. `parts` is what the service counts, `slots` what runs there at a time.
   * @returns what gives the slots back
   */
  async enter(request: { parts: number; slots: number; uploadBytes: number }): Promise<() => void> {
    this.check();
    let leave = (): void => undefined;
    try {
      leave = await this.slots.take(request.slots, this.deps.signal);
      await this.waitForLimits(request);
    } catch (error) {
      leave();
      this.check();
      throw error;
    }
    return leave;
  }

  /** The service asked for a pause: the whole mailbox waits, in every process. */
  async pause(ms: number): Promise<void> {
    const until = this.deps.clock.now() + ms;
    if (until > this.deps.grant.fencedUntil) await this.deps.grant.fenceUntil(until);
  }

  private async waitForLimits({ parts, uploadBytes }: { parts: number; uploadBytes: number }): Promise<void> {
    const { grant, meters, clock } = this.deps;
    let bytesTaken = uploadBytes === 0;
    for (;;) {
      this.check();
      const now = clock.now();
      let waitMs = grant.fencedUntil - now;
      if (waitMs <= 0 && !bytesTaken) {
        waitMs = meters.uploadBytes.reserve(uploadBytes, now);
        bytesTaken = waitMs <= 0;
      }
      if (waitMs <= 0) waitMs = meters.requests.reserve(parts, now);
      if (waitMs <= 0) return;
      await this.standStill(waitMs);
    }
  }

  /** With jitter on top, so that the requests of all workers do not come back in one wave. */
  private async standStill(ms: number): Promise<void> {
    const { clock, random, statistics, signal } = this.deps;
    if (this.waiting++ === 0) this.waitingSince = clock.now();
    try {
      await clock.sleep(ms + random.next() * Math.min(500, 20 + ms / 10), signal);
    } finally {
      if (--this.waiting === 0) statistics.throttledMs += clock.now() - this.waitingSince;
    }
  }

  /** @throws BudgetLost when the lease is lost, or the reason of whoever stopped the work */
  check(): void {
    if (this.deps.grant.lost.aborted) throw new BudgetLost(this.deps.grant.lost.reason);
    this.deps.signal.throwIfAborted();
  }
}
