import {
  type ActiveRun,
  activeRunSchema,
  buckets,
  type ErrorFacts,
  type SyncTask,
  syncTaskSchema,
} from '@holdfast/contracts';
import type { Delivery, Gate, KeyValue, Messaging, Running, Verdict } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';

export interface RunSubscriptions extends Running {
  /** A stop request was seen for this run. */
  stopRequested(runId: string): boolean;
  readonly runs: number;
}

interface SubscriptionDeps {
  messaging: Messaging;
  pool: string;
  gate: Gate;
  clock: Clock;
  logger: Logger;
  handle: (task: SyncTask, delivery: Delivery) => Promise<Verdict>;
  onParked: (task: SyncTask, error: ErrorFacts) => Promise<void>;
  /** True when the control data says that the run is still going on. */
  isGoingOn: (runId: string) => Promise<boolean>;
  /** How often runs without a sign are looked up, and consumers that could not be made are tried again. */
  lookAgainMs: number;
}

interface Served {
  active: ActiveRun;
  /** The sign is in the bucket. When it is not, the control data says whether the run is over or the broker was emptied. */
  signed: boolean;
  consumer: Running | undefined;
}

/** Serves one task consumer for each active run of the pool, as the bucket `runs-active` and the store say. */
export async function serveRuns(deps: SubscriptionDeps): Promise<RunSubscriptions> {
  const bucket: KeyValue<ActiveRun> = await deps.messaging.keyValue(buckets.runsActive, {
    parse: (json) => activeRunSchema.parse(json),
  });
  const served = new ServedRuns(deps);
  await served.watch(bucket);
  return served;
}

class ServedRuns implements RunSubscriptions {
  readonly #deps: SubscriptionDeps;
  readonly #served = new Map<string, Served>();
  readonly #stopping = new AbortController();
  readonly #looking: Promise<void>;
  #watching: Running | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: SubscriptionDeps) {
    this.#deps = deps;
    this.#looking = this.#lookAgain();
  }

  get runs(): number {
    return this.#served.size;
  }

  stopRequested(runId: string): boolean {
    return this.#served.get(runId)?.active.stop === true;
  }

  async watch(bucket: KeyValue<ActiveRun>): Promise<void> {
    this.#watching = await bucket.watch((runId, active) => this.#onChange(runId, active));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching?.stop();
    await this.#looking;
    await this.#turn;
    await Promise.all([...this.#served.values()].map(({ consumer }) => consumer?.stop()));
  }

  #onChange(runId: string, active: ActiveRun | undefined): void {
    const run = this.#served.get(runId);
    if (active === undefined || active.pool !== this.#deps.pool) {
      if (run === undefined) return;
      run.signed = false;
      this.#inTurn(runId, () => this.#drop(runId));
      return;
    }
    if (run === undefined) this.#served.set(runId, { active, signed: true, consumer: undefined });
    else Object.assign(run, { active, signed: true });
    this.#inTurn(runId, () => this.#ensure(runId));
  }

  /** One change at a time, so that a run is neither served twice nor left over. */
  #inTurn(runId: string, work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      this.#deps.logger.warn({ error, runId }, 'the tasks of a run could not be subscribed to; tried again');
    });
  }

  async #ensure(runId: string): Promise<void> {
    const run = this.#served.get(runId);
    if (run === undefined || run.consumer !== undefined || this.#stopping.signal.aborted) return;
    const { messaging, pool, gate, handle, onParked, logger } = this.#deps;
    run.consumer = await messaging.consumeTasks<SyncTask>({
      ...{ kind: 'sync', pool, owner: runId, gate, handle, onParked },
      maxAckPending: run.active.concurrency,
      maxDeliver: run.active.attempts,
      parse: (json) => syncTaskSchema.parse(json),
    });
    logger.info({ runId, concurrency: run.active.concurrency }, 'serving a run');
  }

  async #drop(runId: string): Promise<void> {
    const run = this.#served.get(runId);
    if (run === undefined || run.signed) return;
    if (await this.#deps.isGoingOn(runId)) return;
    this.#served.delete(runId);
    await run.consumer?.stop();
    this.#deps.logger.info({ runId }, 'a run is over');
  }

  async #lookAgain(): Promise<void> {
    const { clock, lookAgainMs } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(lookAgainMs, this.#stopping.signal);
      for (const runId of this.#served.keys()) {
        this.#inTurn(runId, () => this.#drop(runId));
        this.#inTurn(runId, () => this.#ensure(runId));
      }
    }
  }
}
