import type { Bucket } from './bucket.ts';
import type { Connection } from './connection.ts';
import { openConnection } from './connection.ts';
import type { BrokerCredentials } from './dial.ts';
import { createEventStream } from './eventStream.ts';
import { Leases, leaseBucket } from './leases.ts';
import { type Log, noLog } from './log.ts';
import { namesBelow } from './names.ts';
import { openNatsBucket } from './natsBucket.ts';
import { createParked, parkedBucket, parkedForMs } from './parked.ts';
import { waitAtMost } from './pauses.ts';
import type { Messaging, Running } from './ports.ts';
import { createQuestionLine } from './questionLine.ts';
import { type FenceLine, Slots, slotBucket, slotBucketTtlMs } from './slots.ts';
import { createTaskQueues } from './taskQueues.ts';
import { createTopology } from './topology.ts';
import { createKeyValue } from './typedKeyValue.ts';

export interface MessagingOptions {
  /** Addresses of the broker, such as `nats://127.0.0.1:4222`; `tls://` for TLS. */
  servers: readonly string[];
  /** First part of all names and subjects. */
  prefix: string;
  /** Name of this process as the broker's monitoring shows it. */
  name: string;
  credentials?: BrokerCredentials;
  /** Copies of each stream in a cluster. Default 1. */
  replicas?: number;
  logger?: Log;
  /** How long the first connection is tried. Default 60 s. */
  connectLimitMs?: number;
  /** How long a call waits for a broker that is away before it throws BrokerUnavailable. Default 10 s. */
  patienceMs?: number;
  /** Time after which an unanswered delivery goes to another worker. Default 30 s. */
  ackWaitMs?: number;
  /** After this a dead holder loses its leases; the same in all processes. Default 30 s. */
  leaseTtlMs?: number;
  /** After this a dead holder loses its slots; the same in all processes. Default 45 s. */
  slotTtlMs?: number;
  /** Wall clock for ends that processes share. */
  now?: () => number;
}

/**
 * Connects to the broker and makes streams and buckets. The connection comes back for ever; see `Messaging`.
 *
 * @throws BrokerUnavailable when no broker is reached in time, BrokerRefused when it does not let us in.
 */
export async function connectMessaging(options: MessagingOptions): Promise<Messaging> {
  const { leaseTtlMs = 30_000, slotTtlMs = 45_000, ackWaitMs = 30_000 } = options;
  const log = options.logger ?? noLog;
  const now = options.now ?? (() => Date.now());
  const names = namesBelow(options.prefix);
  const topology = createTopology(names, options.replicas ?? 1);
  topology.addBucket(names.bucket(leaseBucket), leaseTtlMs);
  topology.addBucket(names.bucket(slotBucket), slotBucketTtlMs);
  topology.addBucket(names.bucket(parkedBucket), parkedForMs);
  const connection = await openConnection({
    servers: options.servers,
    name: options.name,
    credentials: options.credentials,
    connectLimitMs: options.connectLimitMs ?? 60_000,
    patienceMs: options.patienceMs ?? 10_000,
    topology,
    log,
  });
  const open = new Map<string, Promise<Bucket>>();
  const bucketNamed = (name: string): Promise<Bucket> => {
    const bucket = open.get(name) ?? openNatsBucket(connection, names.bucket(name), log);
    open.set(name, bucket);
    // A failure is not kept: the next caller tries again.
    bucket.catch(() => open.delete(name));
    return bucket;
  };
  const parked = createParked(() => bucketNamed(parkedBucket), now);
  const leases = new Leases(await bucketNamed(leaseBucket), { ttlMs: leaseTtlMs, log });
  const fences = natsFenceLine(connection, names.subject('fence'));
  const slots = new Slots(await bucketNamed(slotBucket), fences, { ttlMs: slotTtlMs, now, log });
  const parts = { connection, names, parked, log, ackWaitMs };
  const queues = createTaskQueues(parts);
  const events = createEventStream(parts);
  const line = createQuestionLine(connection, names, log);
  const deaf = connection.onComeback(({ emptied }) => {
    leases.renewNow(emptied);
    slots.renewNow();
  });
  const started = new Set<Running>();
  const track = async (starting: Promise<Running>): Promise<Running> => {
    const running = await starting;
    const tracked = {
      async stop() {
        started.delete(tracked);
        await running.stop();
      },
    };
    started.add(tracked);
    return tracked;
  };
  return {
    prefix: options.prefix,
    ensure: () => connection.ensure(),
    ...queues,
    ...events,
    acquireLease: (key, owner) => leases.acquire(key, owner),
    acquireSlots: (key, request) => slots.acquire(key, request),
    ask: line.ask,
    consumeTasks: (given) => track(queues.consumeTasks(given)),
    consumeEvents: (given) => track(events.consumeEvents(given)),
    tailEvents: (...given) => track(events.tailEvents(...given)),
    serve: (subject, handler) => track(line.serve(subject, handler)),
    async keyValue(name, { ttlMs = 0, parse }) {
      topology.addBucket(names.bucket(name), ttlMs);
      await connection.call(`making the bucket ${name}`, () => connection.ensure());
      const bucket = await bucketNamed(name);
      const keyValue = createKeyValue(bucket, { name, ttlMs, parse, log });
      return { ...keyValue, watch: (onChange) => track(keyValue.watch(onChange)) };
    },
    get connected() {
      return connection.ready;
    },
    onBrokerEmptied: (listener) => connection.onComeback(({ emptied }) => emptied && listener()),
    async close() {
      deaf();
      await Promise.all([...started].map((running) => running.stop()));
      // What cannot be given back now ends by its TTL.
      await waitAtMost(connection.ready ? 5000 : 200, Promise.all([leases.stop(), slots.stop()]));
      await connection.close();
    },
  };
}

function natsFenceLine(connection: Connection, subject: string): FenceLine {
  return {
    tell(key, untilMs) {
      if (connection.ready) connection.nc.publish(subject, JSON.stringify({ key, untilMs }));
    },
    listen(listener) {
      const subscription = connection.nc.subscribe(subject, {
        callback: (error, message) => {
          if (error) return;
          const { key, untilMs } = message.json<{ key: string; untilMs: number }>();
          listener(key, untilMs);
        },
      });
      return () => subscription.unsubscribe();
    },
  };
}
