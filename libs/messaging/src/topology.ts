import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { isMissing } from './brokerErrors.ts';
import type { Names } from './names.ts';
import { pause } from './pauses.ts';

const day = 24 * 60 * 60 * 1000;
const minute = 60 * 1000;
/** API error: the name is taken by a stream with another configuration (somebody was faster). */
const streamNameInUse = 10058;
/** A server says this too when two processes make the same stream at the same moment. */
const subjectsOverlap = 10065;

/**
 * A stream that was deleted is not made again at once: nats-server 2.9 may still be removing its files and then never
 * delivers what is stored meanwhile.
 */
const restMs = 500;

type Wanted = Pick<StreamConfig, 'name' | 'subjects'> & Partial<StreamConfig>;

/** The streams of an installation and the buckets in use; knows when the broker has lost them. */
export interface Topology {
  addBucket(bucket: string, ttlMs: number): void;
  /** Makes or adapts everything. True when something known was gone or made anew since the last time. */
  ensure(jsm: JetStreamManager): Promise<boolean>;
}

export function createTopology(names: Names, replicas: number): Topology {
  const wanted = new Map<string, Wanted>();
  const createdAt = new Map<string, string>();
  const add = (config: Wanted) => {
    wanted.set(config.name, { storage: StorageType.File, num_replicas: replicas, ...config });
  };
  add({
    name: names.events,
    subjects: [names.subject('events.>')],
    retention: RetentionPolicy.Limits,
    max_age: nanos(30 * day),
    duplicate_window: nanos(10 * minute),
  });
  add({
    name: names.tasks,
    subjects: [names.subject('tasks.>')],
    retention: RetentionPolicy.Workqueue,
    // Short: what was removed on purpose may be sent again soon.
    duplicate_window: nanos(2 * minute),
  });
  return {
    addBucket(bucket, ttlMs) {
      add(bucketConfig(bucket, ttlMs));
    },
    async ensure(jsm) {
      let lost = false;
      for (const config of wanted.values()) {
        const before = createdAt.get(config.name);
        const found = await streamInfo(jsm, config.name);
        if (found === undefined && before !== undefined && !lost) await pause(restMs);
        const info =
          found === undefined ? await addStream(jsm, config) : await adaptStream(jsm, config, found);
        lost ||= before !== undefined && before !== info.created;
        createdAt.set(config.name, info.created);
      }
      return lost;
    },
  };
}

/** The stream behind a key-value bucket (NATS ADR-8): the client library reads and writes it as a bucket. */
function bucketConfig(bucket: string, ttlMs: number): Wanted {
  return {
    name: `KV_${bucket}`,
    subjects: [`$KV.${bucket}.>`],
    retention: RetentionPolicy.Limits,
    max_msgs_per_subject: 1,
    max_age: nanos(ttlMs),
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true,
    // The window may not be longer than the age.
    duplicate_window: nanos(ttlMs === 0 ? 2 * minute : Math.min(2 * minute, ttlMs)),
  };
}

const adaptable = ['max_age', 'num_replicas', 'duplicate_window', 'max_msgs_per_subject'] as const;

async function streamInfo(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function adaptStream(jsm: JetStreamManager, config: Wanted, info: StreamInfo): Promise<StreamInfo> {
  const differs = adaptable.some((key) => config[key] !== undefined && config[key] !== info.config[key]);
  return differs ? await jsm.streams.update(config.name, { ...info.config, ...config }) : info;
}

async function addStream(jsm: JetStreamManager, config: Wanted): Promise<StreamInfo> {
  try {
    return await jsm.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    if (error.code === streamNameInUse) return await jsm.streams.info(config.name);
    if (error.code !== subjectsOverlap) throw error;
    const made = await streamInfo(jsm, config.name);
    if (made === undefined) throw error;
    return made;
  }
}
