import { HoldfastError } from '@holdfast/contracts';
import CircuitBreaker from 'opossum';
import type { ExchangeClock, ExchangeLogger } from '../ports.ts';

export interface BreakerSettings {
  /** Share of failed requests in 10 s that opens it. */
  errorThresholdPercentage: number;
  /** Requests in 10 s below which it never opens. */
  volumeThreshold: number;
  /** How long it stays open before one request may try. */
  resetMs: number;
  /** How long a request waits for the end of an outage before it fails. */
  patienceMs: number;
}

export const defaultBreaker: BreakerSettings = {
  errorThresholdPercentage: 50,
  volumeThreshold: 8,
  resetMs: 15_000,
  patienceMs: 180_000,
};

type Action = () => Promise<unknown>;

interface HostBreaker {
  breaker: CircuitBreaker<[Action], unknown>;
  /** Requests that wait for the state to change. */
  waiting: Set<() => void>;
  openedAt: number;
}

/**
 * Circuit breakers of one organization, one for each host. While one is open its requests wait for the trial
 * request rather than fail one by one; after their patience they fail with an error that names the outage.
 */
export class OutageBreaker {
  private readonly hosts = new Map<string, HostBreaker>();
  private readonly settings: BreakerSettings;
  private readonly clock: ExchangeClock;
  private readonly isOutage: (error: unknown) => boolean;
  private readonly logger: ExchangeLogger | undefined;

  constructor(deps: {
    settings: BreakerSettings;
    clock: ExchangeClock;
    /** Only such errors count: one bad item is no outage. */
    isOutage: (error: unknown) => boolean;
    logger?: ExchangeLogger | undefined;
  }) {
    this.settings = deps.settings;
    this.clock = deps.clock;
    this.isOutage = deps.isOutage;
    this.logger = deps.logger;
  }

  /** Runs the action unless the host is known to be down. @throws HoldfastError `service-outage` */
  async run<T>(host: string, action: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const entry = this.hostBreaker(host);
    const deadline = this.clock.now() + this.settings.patienceMs;
    for (;;) {
      try {
        return (await entry.breaker.fire(action)) as T;
      } catch (error) {
        if (!isOpenBreaker(error)) throw error;
      }
      const left = deadline - this.clock.now();
      if (left <= 0) throw this.outage(host, entry);
      await this.stateChange(entry, left, signal);
      signal.throwIfAborted();
    }
  }

  /** True while the host is known to be down. */
  isOpen(host: string): boolean {
    const entry = this.hosts.get(host);
    return entry !== undefined && !entry.breaker.closed;
  }

  close(): void {
    for (const { breaker } of this.hosts.values()) breaker.shutdown();
    this.hosts.clear();
  }

  private hostBreaker(host: string): HostBreaker {
    const known = this.hosts.get(host);
    if (known !== undefined) return known;
    const breaker = new CircuitBreaker((action: Action) => action(), {
      name: host,
      timeout: false,
      errorThresholdPercentage: this.settings.errorThresholdPercentage,
      volumeThreshold: this.settings.volumeThreshold,
      resetTimeout: this.settings.resetMs,
      rollingPercentilesEnabled: false,
      errorFilter: (error) => !this.isOutage(error),
    });
    const entry: HostBreaker = { breaker, waiting: new Set(), openedAt: 0 };
    const wake = () => {
      for (const go of entry.waiting) go();
      entry.waiting.clear();
    };
    breaker.on('open', () => {
      entry.openedAt = this.clock.now();
      this.logger?.warn({ host }, 'the service fails: its circuit breaker opens');
      // A trial failed: those that waited for it must see that, and wait for the next.
      wake();
    });
    breaker.on('halfOpen', wake);
    breaker.on('close', wake);
    this.hosts.set(host, entry);
    return entry;
  }

  private async stateChange(entry: HostBreaker, ms: number, signal: AbortSignal): Promise<void> {
    // The trial may have ended, or become free, since this request was turned away.
    if (entry.breaker.closed || entry.breaker.pendingClose) return;
    const enough = new AbortController();
    let go = (): void => undefined;
    const changed = new Promise<void>((resolve) => {
      go = resolve;
      entry.waiting.add(go);
    });
    await Promise.race([changed, this.clock.sleep(ms, AbortSignal.any([signal, enough.signal]))]);
    enough.abort();
    entry.waiting.delete(go);
  }

  private outage(host: string, entry: HostBreaker): HoldfastError {
    const since = new Date(entry.openedAt).toISOString();
    return new HoldfastError('service-outage', 'transient', `${host} is out of order since ${since}.`, {
      remedy: 'Check the network and the Microsoft 365 service health; the work is taken up again by itself.',
      details: { host },
    });
  }
}

const isOpenBreaker = (error: unknown): boolean =>
  error instanceof Error && (error as { code?: unknown }).code === 'EOPENBREAKER';
