import type { Clock } from '../clock.ts';
import { GraphError } from '../graph/errors.ts';
import type { Limits } from '../options.ts';

const SLICES = 60;

/** Sum over a sliding window, in sixty slices. */
class Window {
  readonly #slices = new Float64Array(SLICES);
  #current = 0;
  #sum = 0;

  add(amount: number, now: number, windowMs: number): number {
    const slice = Math.floor((now * SLICES) / windowMs);
    const passed = Math.min(SLICES, slice - this.#current);
    for (let step = 1; step <= passed; step++) {
      const at = (slice - passed + step) % SLICES;
      this.#sum -= this.#slices[at] ?? 0;
      this.#slices[at] = 0;
    }
    if (passed > 0) this.#current = slice;
    const at = this.#current % SLICES;
    this.#slices[at] = (this.#slices[at] ?? 0) + amount;
    this.#sum += amount;
    return this.#sum;
  }
}

interface Bucket {
  active: number;
  peak: number;
  throttled: number;
  readonly requests: Window;
  readonly uploads: Window;
}

/** Usage of one application at one mailbox. */
export interface Usage {
  readonly application: string;
  readonly mailbox: string;
  readonly peakConcurrency: number;
  readonly throttled: number;
}

/** Meters requests per application and mailbox, and refuses those beyond the limits. Refused requests count too. */
export class Meter {
  readonly #limits: Limits;
  readonly #clock: Clock;
  /** By application, then by mailbox. */
  readonly #buckets = new Map<string, Map<string, Bucket>>();

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Starts a request; the result ends it. Throws GraphError 429 beyond a limit. */
  start(application: string, mailbox: string, uploadBytes: number): () => void {
    const bucket = this.#bucket(application, mailbox);
    const limits = this.#limits;
    const now = this.#clock.now();
    const requests = bucket.requests.add(1, now, limits.requestWindowMs);
    const uploads = uploadBytes > 0 ? bucket.uploads.add(uploadBytes, now, limits.uploadWindowMs) : 0;
    if (limits.enabled) {
      if (bucket.active >= limits.concurrency) throw this.#refuse(bucket, 'MailboxConcurrency');
      if (requests > limits.requests) throw this.#refuse(bucket, 'RequestRate');
      if (uploads > limits.uploadBytes) throw this.#refuse(bucket, 'IncomingBytes');
    }
    bucket.active++;
    bucket.peak = Math.max(bucket.peak, bucket.active);
    let ended = false;
    return () => {
      if (!ended) bucket.active--;
      ended = true;
    };
  }

  usage(): Usage[] {
    return [...this.#buckets].flatMap(([application, buckets]) =>
      [...buckets].map(([mailbox, { peak, throttled }]) => ({
        application,
        mailbox,
        peakConcurrency: peak,
        throttled,
      })),
    );
  }

  /** Forgets peaks and counts; windows and requests in flight stay. */
  resetStatistics(): void {
    for (const buckets of this.#buckets.values())
      for (const bucket of buckets.values()) {
        bucket.peak = bucket.active;
        bucket.throttled = 0;
      }
  }

  /** Forgets windows too. */
  resetWindows(): void {
    for (const buckets of this.#buckets.values())
      for (const [mailbox, bucket] of buckets) if (bucket.active === 0) buckets.delete(mailbox);
  }

  #refuse(bucket: Bucket, limit: string): GraphError {
    bucket.throttled++;
    const after = this.#limits.retryAfter;
    return new GraphError(429, 'ApplicationThrottled', `Application is over its ${limit} limit.`, {
      headers: after === 'missing' ? {} : { 'retry-after': String(after) },
    });
  }

  #bucket(application: string, mailbox: string): Bucket {
    let buckets = this.#buckets.get(application);
    if (!buckets) {
      buckets = new Map();
      this.#buckets.set(application, buckets);
    }
    let bucket = buckets.get(mailbox);
    if (!bucket) {
      bucket = { active: 0, peak: 0, throttled: 0, requests: new Window(), uploads: new Window() };
      buckets.set(mailbox, bucket);
    }
    return bucket;
  }
}
