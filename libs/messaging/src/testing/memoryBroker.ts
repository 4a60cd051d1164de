import { BrokerUnavailable } from '../errors.ts';
import { createMemoryBucket, type MemoryBucket } from './memoryBucket.ts';
import {
  createMemoryConsumer,
  createMemoryStream,
  type MemoryConsumer,
  type MemoryStream,
  subjectMatches,
} from './memoryQueue.ts';

type Answerer = (request: unknown) => Promise<unknown>;

/** What several `memoryMessaging` share, as several processes share a broker. */
export interface MemoryBroker {
  readonly events: MemoryStream;
  readonly tasks: MemoryStream;
  readonly up: boolean;
  /** From now on every call throws BrokerUnavailable and nothing is delivered. */
  goDown(): void;
  comeUp(): void;
  /** As a broker that comes back with an empty storage: streams, consumers and buckets are gone and made anew. */
  wipe(): void;
  /** @throws BrokerUnavailable while down. */
  check(what: string): void;
  bucket(name: string, ttlMs: number): MemoryBucket['bucket'];
  consumer(
    stream: 'events' | 'tasks',
    name: string,
    options: { filter: string; maxAckPending: number; ackWaitMs: number; from?: 'all' | 'new' },
  ): MemoryConsumer;
  removeConsumer(stream: 'events' | 'tasks', name: string): void;
  /** Plain NATS: tells those who listen now. */
  tell(subject: string, text: string): void;
  hear(filter: string, listener: (text: string, subject: string) => void): () => void;
  answerers(subject: string): Set<Answerer>;
  onComeback(listener: (emptied: boolean) => void): () => void;
}

export function memoryBroker(): MemoryBroker {
  const streams = { events: createMemoryStream(), tasks: createMemoryStream() };
  const consumers = new Map<string, MemoryConsumer>();
  const buckets = new Map<string, MemoryBucket>();
  const ears = new Set<{ filter: string; listener: (text: string, subject: string) => void }>();
  const answering = new Map<string, Set<Answerer>>();
  const comebacks = new Set<(emptied: boolean) => void>();
  let up = true;

  const check = (what: string) => {
    if (!up) throw new BrokerUnavailable(`${what}: the broker is away`);
  };
  const comeBack = (emptied: boolean) => {
    for (const listener of [...comebacks]) listener(emptied);
  };

  return {
    ...streams,
    get up() {
      return up;
    },
    goDown() {
      up = false;
    },
    comeUp() {
      up = true;
      for (const stream of Object.values(streams)) stream.ring();
      comeBack(false);
    },
    wipe() {
      for (const consumer of consumers.values()) consumer.forget();
      consumers.clear();
      for (const stream of Object.values(streams)) stream.wipe();
      for (const bucket of buckets.values()) bucket.wipe();
      comeBack(true);
    },
    check,
    bucket(name, ttlMs) {
      const kept = buckets.get(name) ?? createMemoryBucket();
      kept.setTtl(ttlMs);
      buckets.set(name, kept);
      return guarded(kept.bucket, (verb) => check(`${verb} ${name}`));
    },
    consumer(stream, name, { filter, maxAckPending, ackWaitMs, from }) {
      const key = `${stream}/${name}`;
      const found = consumers.get(key);
      found?.setMaxAckPending(maxAckPending);
      const after = from === 'new' ? streams[stream].last : 0;
      const removeOnAck = stream === 'tasks';
      const consumer =
        found ??
        createMemoryConsumer(streams[stream], { filter, maxAckPending, ackWaitMs, removeOnAck, after });
      consumers.set(key, consumer);
      return consumer;
    },
    removeConsumer(stream, name) {
      consumers.get(`${stream}/${name}`)?.forget();
      consumers.delete(`${stream}/${name}`);
    },
    tell(subject, text) {
      for (const { filter, listener } of [...ears]) {
        if (subjectMatches(filter, subject)) queueMicrotask(() => listener(text, subject));
      }
    },
    hear(filter, listener) {
      const ear = { filter, listener };
      ears.add(ear);
      return () => ears.delete(ear);
    },
    answerers(subject) {
      const set = answering.get(subject) ?? new Set();
      answering.set(subject, set);
      return set;
    },
    onComeback(listener) {
      comebacks.add(listener);
      return () => comebacks.delete(listener);
    },
  };
}

/** The bucket, refusing while the broker is down. */
function guarded(bucket: MemoryBucket['bucket'], check: (verb: string) => void): MemoryBucket['bucket'] {
  const when =
    <A extends unknown[], R>(verb: string, operation: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      check(verb);
      return operation(...args);
    };
  return {
    get: when('reading', bucket.get),
    put: when('writing', bucket.put),
    create: when('writing', bucket.create),
    update: when('writing', bucket.update),
    delete: when('deleting', bucket.delete),
    list: when('listing', bucket.list),
    watch: when('watching', bucket.watch),
  };
}
