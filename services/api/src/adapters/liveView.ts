import {
  buckets,
  bucketTtlMs,
  type Progress,
  type ProxyHeartbeat,
  progressSchema,
  proxyHeartbeatSchema,
} from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import type { LiveView, Running } from '../ports.ts';

function track<T>(entries: Map<string, T>, changed: (value: T) => void) {
  return (key: string, value: T | undefined) => {
    if (value === undefined) {
      entries.delete(key);
      return;
    }
    entries.set(key, value);
    changed(value);
  };
}

/** Follows the broker's buckets of heartbeats and counters, so that no request has to list them. */
export async function startLiveView(messaging: Messaging): Promise<LiveView & Running> {
  const proxies = new Map<string, ProxyHeartbeat>();
  const progress = new Map<string, Progress>();
  const listeners = new Set<(progress: Progress) => void>();
  const heartbeats = await messaging.keyValue(buckets.proxies, {
    ttlMs: bucketTtlMs.proxies,
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  const counters = await messaging.keyValue(buckets.progress, {
    ttlMs: bucketTtlMs.progress,
    parse: (json) => progressSchema.parse(json),
  });
  const watches = [
    await heartbeats.watch(track(proxies, () => undefined)),
    await counters.watch(
      track(progress, (value) => {
        for (const listener of listeners) listener(value);
      }),
    ),
  ];
  return {
    proxies: () => [...proxies.values()],
    progress: () => [...progress.values()],
    onProgress(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      listeners.clear();
      await Promise.all(watches.map((watch) => watch.stop()));
    },
  };
}
