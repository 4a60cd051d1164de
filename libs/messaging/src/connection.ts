import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { brokerError, isMissing, isTimeout, isUnheard } from './brokerErrors.ts';
import { type DialOptions, dial } from './dial.ts';
import { BrokerUnavailable, MessagingClosed } from './errors.ts';
import type { Log } from './log.ts';
import { growingPause, pause, waitAtMost } from './pauses.ts';
import type { Topology } from './topology.ts';

/** Time for one request to JetStream. */
const requestLimitMs = 5000;
/** How often the streams are looked at while nothing seems wrong: somebody may have deleted them. */
const lookEveryMs = 15_000;
const repeatAfterMs = 100;

export interface ConnectionOptions extends DialOptions {
  topology: Topology;
  log: Log;
  /** How long a call waits for a broker that is away before it throws BrokerUnavailable. */
  patienceMs: number;
}

/** Why listeners are called: `emptied` means that the broker has lost what it held. */
export interface Comeback {
  emptied: boolean;
}

/** @throws BrokerUnavailable, BrokerRefused when it cannot be made ready within `connectLimitMs`. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const nc = await dial(options);
  const jsm = await jetstreamManager(nc, { timeout: requestLimitMs, checkAPI: false });
  const connection = new Connection(nc, jsm, options);
  try {
    await ensureFirst(connection, options.connectLimitMs);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

/** A broker that has just been started may need a moment for JetStream. */
async function ensureFirst(connection: Connection, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs;
  const pauses = growingPause(50, 1000);
  while (!connection.ready) {
    try {
      await connection.ensure();
    } catch (error) {
      if (!(error instanceof BrokerUnavailable) || performance.now() >= until) throw error;
      await pause(pauses.next());
    }
  }
}

/**
 * One connection that comes back for ever. It counts as ready when it is connected *and* the topology is there, so
 * nothing is sent to a broker that has come back empty before its streams exist again.
 */
export class Connection {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  private readonly options: ConnectionOptions;
  private readonly log: Log;
  private readonly ending = new AbortController();
  private readonly listeners = new Set<(comeback: Comeback) => void>();
  private readonly looks: NodeJS.Timeout;
  /** Aborted when the connection that is up now is lost. */
  private up = new AbortController();
  private isReady = false;
  private looking: Promise<void> | undefined;

  constructor(nc: NatsConnection, jsm: JetStreamManager, options: ConnectionOptions) {
    this.nc = nc;
    this.jsm = jsm;
    this.js = jetstream(nc, { timeout: requestLimitMs });
    this.options = options;
    this.log = options.log;
    this.looks = setInterval(() => this.lookInPassing(), lookEveryMs);
    this.looks.unref();
    this.follow().catch((error: unknown) => {
      this.log.error({ error }, 'the state of the connection is unknown');
    });
  }

  get ready(): boolean {
    return this.isReady;
  }

  /** Aborted by `close`. */
  get closing(): AbortSignal {
    return this.ending.signal;
  }

  /** Waits until it is ready. @throws BrokerUnavailable when that takes longer than the limit. */
  async whenReady(limitMs = this.options.patienceMs): Promise<void> {
    const until = performance.now() + limitMs;
    while (!this.isReady) {
      if (this.closing.aborted) throw new MessagingClosed();
      if (this.nc.isClosed()) throw new BrokerUnavailable('the connection to the broker was ended for good');
      const left = until - performance.now();
      if (left <= 0) throw new BrokerUnavailable(`the broker is away (${this.nc.getServer()})`);
      await this.nextComeback(Math.min(left, 1000));
    }
  }

  /**
   * Runs an operation that may be repeated, waiting for the broker and repeating it until the patience ends.
   * @throws HoldfastError of this package
   */
  async call<T>(what: string, operation: () => Promise<T>): Promise<T> {
    const until = performance.now() + this.options.patienceMs;
    for (;;) {
      await this.whenReady(Math.max(until - performance.now(), 0));
      try {
        return await untilLost(operation(), this.up.signal);
      } catch (error) {
        const known = brokerError(error, what);
        if (!(known instanceof BrokerUnavailable) || performance.now() >= until) throw known;
        // A time-out too: with somebody listening on the subject, a missing stream is not told.
        if (isUnheard(error) || isMissing(error) || isTimeout(error)) await this.repair();
        await pause(repeatAfterMs, this.closing);
      }
    }
  }

  /** Looks after the topology now; those who ask meanwhile share the look. */
  ensure(): Promise<void> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /** Calls back each time it is ready again, or the topology was made anew. Returns how to stop. */
  onComeback(listener: (comeback: Comeback) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.closing.aborted) return;
    clearInterval(this.looks);
    this.ending.abort();
    this.isReady = false;
    // Sends what waits to be sent; a broker that is away cannot be waited for.
    if (!this.up.signal.aborted) await waitAtMost(2000, this.nc.flush());
    await this.nc.close().catch((error: unknown) => {
      this.log.debug({ error }, 'the broker was gone when closing');
    });
  }

  private async look(): Promise<void> {
    try {
      const emptied = await this.options.topology.ensure(this.jsm);
      const wasReady = this.isReady;
      this.isReady = !this.up.signal.aborted && !this.closing.aborted;
      if (emptied) this.log.warn({}, 'the broker came back without its streams; made them anew');
      if (this.isReady && (!wasReady || emptied)) this.notify({ emptied });
    } catch (error) {
      throw brokerError(error, 'making the streams');
    }
  }

  private async repair(): Promise<void> {
    try {
      await this.ensure();
    } catch (error) {
      this.log.warn({ error }, 'streams could not be made');
    }
  }

  private lookInPassing(): void {
    if (this.isReady) void this.repair();
  }

  private notify(comeback: Comeback): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(comeback);
      } catch (error) {
        this.log.error({ error }, 'a listener of the connection failed');
      }
    }
  }

  private async follow(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') {
        if (!this.closing.aborted) this.log.warn({ server: status.server }, 'lost the broker');
        this.isReady = false;
        this.up.abort();
      } else if (status.type === 'reconnect') {
        this.log.info({ server: status.server }, 'reached the broker again');
        this.up = new AbortController();
        void this.recover(this.up.signal);
      } else if (status.type === 'error') {
        this.log.warn({ error: brokerError(status.error, 'the broker reports an error') }, 'broker error');
      }
    }
  }

  /** Never throws. */
  private async recover(lost: AbortSignal): Promise<void> {
    const pauses = growingPause(repeatAfterMs, 2000);
    while (!lost.aborted && !this.closing.aborted && !this.isReady) {
      await this.repair();
      if (!this.isReady) await pause(pauses.next(), lost, this.closing);
    }
  }

  private async nextComeback(limitMs: number): Promise<void> {
    const come = new AbortController();
    const stop = this.onComeback(() => come.abort());
    await pause(limitMs, come.signal, this.closing);
    stop();
  }
}

/** The operation, but not longer than the connection lives: an answer cannot come after it. */
function untilLost<T>(operation: Promise<T>, lost: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onLost = () => reject(new BrokerUnavailable('the connection to the broker was lost meanwhile'));
    if (lost.aborted) onLost();
    lost.addEventListener('abort', onLost, { once: true });
    operation.then(resolve, reject).finally(() => lost.removeEventListener('abort', onLost));
  });
}
