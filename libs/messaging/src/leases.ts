import { randomUUID } from 'node:crypto';
import type { Bucket } from './bucket.ts';
import type { Log } from './log.ts';
import { pause } from './pauses.ts';
import type { Lease } from './ports.ts';

export const leaseBucket = 'leases';

interface Held {
  key: string;
  /** Owner and a token that nobody else has. */
  value: string;
  revision: number;
  /** When the newest renewal that succeeded was sent, by the monotonic clock. */
  renewedAt: number;
  lost: AbortController;
  released: boolean;
}

/**
 * Leases are entries of a bucket whose age limit is the TTL. A holder renews at a third of the TTL by compare-and-set
 * and counts itself as having lost the lease when two thirds have passed without a success, so it stops before the
 * entry can vanish: the broker counts from when it received the renewal, which is later.
 *
 * A broker that comes back empty has forgotten all leases. Holders put theirs back at once; meanwhile, for two thirds
 * of the TTL, processes that noticed it hand out no new ones. (One that started just then cannot know; what is
 * written under a lease must therefore still be fenced by the store.)
 */
export class Leases {
  private readonly bucket: Bucket;
  private readonly ttlMs: number;
  private readonly log: Log;
  private readonly held = new Set<Held>();
  private readonly renewing = new Set<Held>();
  private readonly stopping = new AbortController();
  private readonly turns: Promise<void>;
  private readonly limits: NodeJS.Timeout;
  /** Before this (monotonic clock) old holders may not have put their leases back. */
  private settledAt = 0;

  constructor(bucket: Bucket, options: { ttlMs: number; log: Log }) {
    this.bucket = bucket;
    this.ttlMs = options.ttlMs;
    this.log = options.log;
    this.turns = this.renewInTurns();
    this.limits = setInterval(() => this.watchLimits(), Math.max(this.ttlMs / 30, 10));
    this.limits.unref();
  }

  /** See `Messaging.acquireLease`. */
  async acquire(key: string, owner: string): Promise<Lease | undefined> {
    if (performance.now() < this.settledAt) return undefined;
    const value = JSON.stringify({ owner, token: randomUUID() });
    const lost = new AbortController();
    const lease: Held = { key, value, revision: 0, renewedAt: performance.now(), lost, released: false };
    const revision = await createOwn(this.bucket, lease);
    if (revision === undefined) return undefined;
    lease.revision = revision;
    this.held.add(lease);
    return { key, owner, lost: lost.signal, release: () => this.release(lease) };
  }

  /** Renews all out of turn; `emptied` tells that the broker has come back without them. */
  renewNow(emptied = false): void {
    if (emptied) this.settledAt = performance.now() + (this.ttlMs * 2) / 3;
    for (const lease of this.held) {
      if (this.renewing.has(lease)) continue;
      this.renewing.add(lease);
      void this.renew(lease).finally(() => this.renewing.delete(lease));
    }
  }

  /** Gives all back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.limits);
    await this.turns;
    await Promise.all([...this.held].map((lease) => this.release(lease)));
  }

  private async renew(lease: Held): Promise<void> {
    const sentAt = performance.now();
    try {
      const renewed = await this.bucket.update(lease.key, lease.value, lease.revision);
      const revision = renewed ?? (await reclaim(this.bucket, lease));
      if (revision === undefined) return this.lose(lease, 'another process holds it');
      lease.revision = revision;
      lease.renewedAt = sentAt;
      // Given back or given up while the renewal was on its way: then it must not stay.
      if (!this.held.has(lease)) await this.bucket.delete(lease.key, revision);
    } catch (error) {
      this.log.warn({ error, lease: lease.key }, 'a lease could not be renewed yet');
    }
  }

  private lose(lease: Held, why: string): void {
    if (!this.held.delete(lease)) return;
    this.log.warn({ lease: lease.key, why }, 'lease lost');
    lease.lost.abort(new Error(`the lease ${lease.key} was lost: ${why}`));
  }

  /** The limit is watched apart from the renewals, which may hang as long as the broker does. */
  private watchLimits(): void {
    for (const lease of [...this.held]) {
      const age = performance.now() - lease.renewedAt;
      if (age >= (this.ttlMs * 2) / 3) this.lose(lease, 'it could not be renewed in time');
    }
  }

  private async renewInTurns(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await pause(this.ttlMs / 3, signal);
      if (!signal.aborted) this.renewNow();
    }
  }

  private async release(lease: Held): Promise<void> {
    if (lease.released) return;
    lease.released = true;
    // A lost one is not ours to give back.
    if (!this.held.delete(lease)) return;
    try {
      await this.bucket.delete(lease.key, lease.revision);
    } catch (error) {
      this.log.debug({ error, lease: lease.key }, 'a lease was not given back; it ends by itself');
    }
  }
}

/** Takes a free key; also finds that an earlier try of ours succeeded without our hearing of it. */
async function createOwn(bucket: Bucket, lease: Held): Promise<number | undefined> {
  const created = await bucket.create(lease.key, lease.value);
  if (created !== undefined) return created;
  const entry = await bucket.get(lease.key);
  return entry?.value === lease.value ? entry.revision : undefined;
}

/** After a refused renewal: ours after all, or gone and free to take again, or another's. */
async function reclaim(bucket: Bucket, lease: Held): Promise<number | undefined> {
  if (lease.released) return undefined;
  const entry = await bucket.get(lease.key);
  if (entry === undefined) return await createOwn(bucket, lease);
  if (entry.value !== lease.value) return undefined;
  return await bucket.update(lease.key, lease.value, entry.revision);
}
