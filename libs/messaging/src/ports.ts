import type { ErrorFacts, HoldfastEvent, TaskKind } from '@holdfast/contracts';

/** Everything started returns this. `stop` finishes what is in hand, then resolves. */
export interface Running {
  stop(): Promise<void>;
}

/** What a handler knows about a delivery, besides its content. */
export interface Delivery {
  /** 1 for the first delivery. */
  attempt: number;
  /** True when the broker will not deliver it again. */
  last: boolean;
  /** Aborted when the consumer is being stopped: finish or checkpoint soon. */
  stopping: AbortSignal;
  /** Id of the message: for a task the one given to `publishTask`, for an event its own. */
  messageId: string;
}

/**
 * What becomes of a message: `done` acks it; `retry` gives it back for later and counts as an attempt; `postpone`
 * gives it back without counting (this worker is being stopped, or another one holds the mailbox); `park` takes it
 * out for good after `onParked` has been told. A handler that throws means `retry` with the standard back-off.
 * `error` is what `onParked` is told when there is no further attempt.
 */
export type Verdict =
  | { kind: 'done' }
  | { kind: 'retry'; afterMs: number; error?: ErrorFacts }
  | { kind: 'postpone'; afterMs: number }
  | { kind: 'park'; reason: string; error?: ErrorFacts };

export interface TaskConsumerOptions<T> {
  kind: TaskKind;
  pool: string;
  /** One owner (a run) or `*` for all owners of the pool. */
  owner: string;
  /** Upper bound over all workers of tasks delivered and not acked: the job's concurrency. Enforced by the broker. */
  maxAckPending: number;
  /** Deliveries before the task is parked. */
  maxDeliver: number;
  /** At most this many at the same time in this process; several consumers may share one gate. */
  gate: Gate;
  parse: (json: unknown) => T;
  handle: (task: T, delivery: Delivery) => Promise<Verdict>;
  /**
   * Called when a task is parked (last delivery failed, or verdict `park`), before it leaves the queue; called again
   * when it throws or the process dies in it, so it must be idempotent.
   */
  onParked: (task: T, error: ErrorFacts) => Promise<void>;
  /** Called when a message does not parse; it is kept in the bucket `parked` and logged in any case. */
  onUnreadable?: (text: string, error: ErrorFacts) => Promise<void>;
  /** Pause in ms after attempt 1, 2, …; the last one repeats. Default 2 s, 10 s, 30 s, 60 s, 5 min. */
  retryAfterMs?: readonly number[];
}

/** Counting semaphore of a process. */
export interface Gate {
  readonly slots: number;
  readonly busy: number;
  enter(signal?: AbortSignal): Promise<() => void>;
}

export interface EventConsumerOptions {
  /** Durable name: several processes with the same name share the work. */
  durable: string;
  /** Subject filters below the prefix, one durable consumer each (several filters in one need server 2.10). */
  filters: readonly string[];
  handle: (event: HoldfastEvent, delivery: Delivery) => Promise<void>;
  /** Deliveries before the event is given up and reported through `onDead`. Default 20. */
  maxDeliver?: number;
  /** Told of an event that was given up or does not parse (then the raw text or JSON); it is kept in the bucket `parked`. */
  onDead?: (event: unknown, error: ErrorFacts) => Promise<void>;
  /** Where a durable name that is new starts: with all events still kept (default), or with the next one. */
  from?: 'all' | 'new';
  /** Pause in ms after delivery 1, 2, …; the last one repeats. Default 1 s, 2 s, 5 s, 15 s, 60 s. */
  retryAfterMs?: readonly number[];
}

/** An exclusive right, kept alive by this process until released or lost. */
export interface Lease {
  readonly key: string;
  readonly owner: string;
  /** Aborted when the lease could not be renewed in time or was taken by another. */
  readonly lost: AbortSignal;
  /** Gives it up; never throws (a broker that is down forgets it by itself after its TTL). */
  release(): Promise<void>;
}

/** Shares of a counted resource, held across all processes: of `capacity`, `reserved` are for the lane `reserved`. */
export interface SlotLease {
  readonly slots: number;
  readonly lost: AbortSignal;
  /** Shares a pause with all holders of the key until the given time (ms since epoch). */
  fenceUntil(timeMs: number): Promise<void>;
  /** The newest shared pause, ms since epoch; 0 for none. */
  readonly fencedUntil: number;
  release(): Promise<void>;
}

export interface KeyValue<T> {
  get(key: string): Promise<T | undefined>;
  put(key: string, value: T): Promise<void>;
  delete(key: string): Promise<void>;
  all(): Promise<Map<string, T>>;
  /** Calls back with each present entry, then with each change (`undefined` = deleted or expired), until stopped; survives reconnects and a wiped broker by listing again. */
  watch(onChange: (key: string, value: T | undefined) => void): Promise<Running>;
}

/** The broker as services see it. All names and subjects are below the prefix. */
export interface Messaging {
  readonly prefix: string;
  /** Creates or updates streams and buckets; called at connect, and again after each reconnect. */
  ensure(): Promise<void>;
  /** Resolves when the broker has it; a repeat of an id within ten minutes is dropped. @throws BrokerUnavailable */
  publishEvent(event: HoldfastEvent): Promise<void>;
  /** Resolves when the broker has it; a repeat of a message id within two minutes is dropped. @throws BrokerUnavailable */
  publishTask(kind: TaskKind, pool: string, owner: string, task: object, messageId: string): Promise<void>;
  /** Creates the consumer of an owner's tasks when missing (scheduler and worker both may); idempotent. */
  ensureTaskConsumer(
    options: Pick<TaskConsumerOptions<unknown>, 'kind' | 'pool' | 'owner' | 'maxAckPending' | 'maxDeliver'>,
  ): Promise<void>;
  /** Removes the consumer and what is left in the owner's queue. */
  removeTasks(kind: TaskKind, pool: string, owner: string): Promise<void>;
  /** Number of the owner's tasks that the broker still holds (undelivered or unacked). */
  pendingTasks(kind: TaskKind, pool: string, owner: string): Promise<number>;
  consumeTasks<T>(options: TaskConsumerOptions<T>): Promise<Running>;
  consumeEvents(options: EventConsumerOptions): Promise<Running>;
  /** Non-durable view of events from now on (for live activity), in the order the broker takes them; a gap while disconnected is not filled. */
  tailEvents(
    filter: string,
    onEvent: (event: HoldfastEvent) => void,
    options?: {
      /** Asked before an event is read: false lets it pass unread. */
      wanted?: () => boolean;
    },
  ): Promise<Running>;
  /** Undefined when somebody else holds it; a dead holder loses it after the lease TTL of the connection (30 s). */
  acquireLease(key: string, owner: string): Promise<Lease | undefined>;
  /** Between 1 and `want` shares; undefined when none is free now. A normal lane has at most `capacity - reserved` in all. */
  acquireSlots(
    key: string,
    options: { owner: string; lane: 'normal' | 'reserved'; want: number; capacity: number; reserved: number },
  ): Promise<SlotLease | undefined>;
  keyValue<T>(bucket: string, options: { ttlMs?: number; parse: (json: unknown) => T }): Promise<KeyValue<T>>;
  /** Answers questions; a thrown error travels as error facts. Several processes share the load. */
  serve(subject: string, handler: (request: unknown) => Promise<unknown>): Promise<Running>;
  /** @throws HoldfastError with the facts the answerer sent, or `no-answer` (transient) when nobody is there. */
  ask(subject: string, request: unknown, options: { timeoutMs: number }): Promise<unknown>;
  /** Connected, and the streams and buckets are there. */
  readonly connected: boolean;
  /**
   * Calls back when the broker was found without what it held before (its storage was lost): time to reconcile and
   * to publish kept events again. Returns how to stop listening.
   */
  onBrokerEmptied(listener: () => void): () => void;
  /** Ends what was started here (as `stop` of each), sends what is waiting to be sent, disconnects. */
  close(): Promise<void>;
}
