import { eventSubject, parseEvent, type TaskKind, taskSubject } from '@holdfast/contracts';
import { NoAnswer } from '../errors.ts';
import { type EventSource, runEvents } from '../eventRunner.ts';
import { Leases, leaseBucket } from '../leases.ts';
import { type Log, noLog } from '../log.ts';
import { eventConsumerName, namesBelow, taskConsumerName } from '../names.ts';
import { createParked, parkedBucket, parkedForMs } from '../parked.ts';
import { pause } from '../pauses.ts';
import type { EventConsumerOptions, Messaging, Running, TaskConsumerOptions } from '../ports.ts';
import { answerOf, unwrap } from '../questionLine.ts';
import { recentIds } from '../recentIds.ts';
import { Slots, slotBucket, slotBucketTtlMs } from '../slots.ts';
import { runTasks, type TaskSource } from '../taskRunner.ts';
import { outgoingTrace, withinTrace } from '../trace.ts';
import { createKeyValue } from '../typedKeyValue.ts';
import { type MemoryBroker, memoryBroker } from './memoryBroker.ts';
import { subjectMatches } from './memoryQueue.ts';

export interface MemoryMessagingOptions {
  /** Several messagings with one broker act as several processes. */
  broker?: MemoryBroker;
  prefix?: string;
  logger?: Log;
  ackWaitMs?: number;
  leaseTtlMs?: number;
  slotTtlMs?: number;
  now?: () => number;
}

/** The in-memory twin of `connectMessaging`: same contract, no broker, no waiting. */
export function memoryMessaging(options: MemoryMessagingOptions = {}): Messaging & { broker: MemoryBroker } {
  const { prefix = 'holdfast', ackWaitMs = 30_000, leaseTtlMs = 30_000, slotTtlMs = 45_000 } = options;
  const broker = options.broker ?? memoryBroker();
  const log = options.logger ?? noLog;
  const now = options.now ?? (() => Date.now());
  const names = namesBelow(prefix);
  const bucketNamed = (name: string, ttlMs: number) => broker.bucket(names.bucket(name), ttlMs);
  const parked = createParked(async () => bucketNamed(parkedBucket, parkedForMs), now);
  const leases = new Leases(bucketNamed(leaseBucket, leaseTtlMs), { ttlMs: leaseTtlMs, log });
  const fences = {
    tell: (key: string, untilMs: number) =>
      broker.tell(names.subject('fence'), JSON.stringify({ key, untilMs })),
    listen: (listener: (key: string, untilMs: number) => void) =>
      broker.hear(names.subject('fence'), (text) => {
        const { key, untilMs } = JSON.parse(text) as { key: string; untilMs: number };
        listener(key, untilMs);
      }),
  };
  const slots = new Slots(bucketNamed(slotBucket, slotBucketTtlMs), fences, { ttlMs: slotTtlMs, now, log });
  const deaf = broker.onComeback((emptied) => {
    leases.renewNow(emptied);
    slots.renewNow();
  });
  const started = new Set<Running>();
  let closed = false;
  const track = (running: Running): Running => {
    const tracked = {
      async stop() {
        started.delete(tracked);
        await running.stop();
      },
    };
    started.add(tracked);
    return tracked;
  };
  const queues = memoryQueues({ broker, names, ackWaitMs, log, parked, track });
  return {
    broker,
    prefix,
    async ensure() {
      broker.check('making the streams');
    },
    ...queues,
    ...memoryQuestions({ broker, names, track }),
    acquireLease: (key, owner) => leases.acquire(key, owner),
    acquireSlots: (key, request) => slots.acquire(key, request),
    async keyValue(name, { ttlMs = 0, parse }) {
      const keyValue = createKeyValue(bucketNamed(name, ttlMs), { name, ttlMs, parse, log });
      return { ...keyValue, watch: async (onChange) => track(await keyValue.watch(onChange)) };
    },
    get connected() {
      return broker.up && !closed;
    },
    onBrokerEmptied: (listener) => broker.onComeback((emptied) => emptied && listener()),
    async close() {
      if (closed) return;
      closed = true;
      deaf();
      await Promise.all([...started].map((running) => running.stop()));
      await Promise.all([leases.stop(), slots.stop()]);
    },
  };
}

interface Parts {
  broker: MemoryBroker;
  names: ReturnType<typeof namesBelow>;
  track: (running: Running) => Running;
}

type QueueVerbs =
  | 'publishEvent'
  | 'publishTask'
  | 'ensureTaskConsumer'
  | 'removeTasks'
  | 'pendingTasks'
  | 'consumeTasks'
  | 'consumeEvents'
  | 'tailEvents';

function memoryQueues(
  parts: Parts & { ackWaitMs: number; log: Log; parked: ReturnType<typeof createParked> },
): Pick<Messaging, QueueVerbs> {
  const { broker, names, ackWaitMs, log, parked, track } = parts;
  const subjectOf = (kind: TaskKind, pool: string, owner: string) =>
    names.subject(taskSubject(kind, pool, owner));

  function taskConsumer(options: Parameters<Messaging['ensureTaskConsumer']>[0]) {
    const { kind, pool, owner, maxAckPending } = options;
    const filter = subjectOf(kind, pool, owner);
    return broker.consumer('tasks', taskConsumerName(kind, pool, owner), {
      filter,
      maxAckPending,
      ackWaitMs,
    });
  }

  function taskSource<T>(options: TaskConsumerOptions<T>): TaskSource {
    return {
      async take(most, onTask) {
        for (let taken = 0; broker.up && taken < most; taken++) {
          const message = taskConsumer(options).next();
          if (message === undefined) return;
          onTask(message);
        }
      },
      hint: (withinMs, signal) => rung(broker.tasks, withinMs, signal),
      async repost(message, attempts) {
        const { subject, text, id, trace } = message;
        broker.check('publishing');
        broker.tasks.append(
          { subject, text, id, trace, attemptsBefore: attempts },
          `${id}~${message.sequence}`,
        );
        message.ack();
      },
      keepUnreadable: (message, error) => parked.keep(message, error),
    };
  }

  function eventSource(options: EventConsumerOptions, filter: string): EventSource {
    const consumer = () =>
      broker.consumer('events', eventConsumerName(options.durable, filter), {
        filter: names.subject(filter),
        maxAckPending: 1000,
        ackWaitMs,
        from: options.from ?? 'all',
      });
    consumer();
    return {
      keepDead: (message, error) => parked.keep(message, error),
      async deliver(settle, stopping) {
        const message = broker.up ? consumer().next() : undefined;
        if (message === undefined) await rung(broker.events, 1000, stopping);
        else await settle(message);
      },
    };
  }

  const append = (stream: 'events' | 'tasks', subject: string, text: string, id: string) => {
    broker.check(`publishing to ${subject}`);
    broker[stream].append({ subject, text, id, attemptsBefore: 0, trace: outgoingTrace() }, id);
    broker.tell(subject, text);
  };

  return {
    async publishEvent(event) {
      append('events', names.subject(eventSubject(event)), JSON.stringify(event), event.id);
    },
    async publishTask(kind, pool, owner, task, messageId) {
      append('tasks', subjectOf(kind, pool, owner), JSON.stringify(task), messageId);
    },
    async ensureTaskConsumer(options) {
      broker.check('making a task queue');
      taskConsumer(options);
    },
    async removeTasks(kind, pool, owner) {
      broker.check('removing a task queue');
      broker.removeConsumer('tasks', taskConsumerName(kind, pool, owner));
      for (const message of tasksOf(broker, subjectOf(kind, pool, owner))) {
        broker.tasks.messages.delete(message.sequence);
      }
    },
    async pendingTasks(kind, pool, owner) {
      broker.check('counting tasks');
      return tasksOf(broker, subjectOf(kind, pool, owner)).length;
    },
    async consumeTasks(options) {
      broker.check('making a task queue');
      taskConsumer(options);
      return track(runTasks(taskSource(options), options, { log, keepAliveMs: Math.floor(ackWaitMs / 3) }));
    },
    async consumeEvents(options) {
      broker.check('making an event consumer');
      const running = options.filters.map((filter) => runEvents(eventSource(options, filter), options, log));
      return track({ stop: async () => void (await Promise.all(running.map((one) => one.stop()))) });
    },
    async tailEvents(filter, onEvent, { wanted = () => true } = {}) {
      broker.check('following events');
      const seen = recentIds(1000);
      const deaf = broker.hear(names.subject(filter), (text) => {
        if (!wanted()) return;
        const event = parseEvent(JSON.parse(text));
        if (seen.isNew(event.id)) onEvent(event);
      });
      return track({ stop: async () => deaf() });
    },
  };
}

const tasksOf = (broker: MemoryBroker, subject: string) =>
  [...broker.tasks.messages.values()].filter((message) => subjectMatches(subject, message.subject));

function memoryQuestions({ broker, names, track }: Parts): Pick<Messaging, 'serve' | 'ask'> {
  return {
    async serve(subject, handler) {
      broker.check('listening for questions');
      const set = broker.answerers(names.subject(subject));
      const answering = new Set<Promise<unknown>>();
      const take = (request: unknown) => {
        const work = answerOf(() => withinTrace(undefined, () => handler(request)));
        answering.add(work);
        void work.finally(() => answering.delete(work));
        return work;
      };
      set.add(take);
      return track({
        async stop() {
          set.delete(take);
          await Promise.all(answering);
        },
      });
    },
    async ask(subject, request, { timeoutMs }) {
      const full = names.subject(subject);
      const [answerer] = broker.answerers(full);
      if (!broker.up) throw new NoAnswer(full, 'the broker is away');
      if (answerer === undefined) throw new NoAnswer(full, 'no service is listening');
      // Turns are taken: who answered goes to the end of the line.
      broker.answerers(full).delete(answerer);
      broker.answerers(full).add(answerer);
      const answered = new AbortController();
      const late = pause(timeoutMs, answered.signal).then(() => ({ late: true }) as const);
      const answer = await Promise.race([answerer(JSON.parse(JSON.stringify(request))), late]);
      answered.abort();
      if (isLate(answer)) throw new NoAnswer(full, `${timeoutMs} ms passed`);
      return unwrap(JSON.parse(JSON.stringify(answer)));
    },
  };
}

const isLate = (answer: unknown): answer is { late: true } =>
  typeof answer === 'object' && answer !== null && 'late' in answer;

function rung(
  stream: { onRing(listener: () => void): () => void },
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const bell = new AbortController();
  const deaf = stream.onRing(() => bell.abort());
  return pause(withinMs, bell.signal, signal).finally(deaf);
}
