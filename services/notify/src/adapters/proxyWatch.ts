import { buckets, bucketTtlMs, type ProxyHeartbeat, proxyHeartbeatSchema } from '@holdfast/contracts';
import type { KeyValue, Messaging, Running } from '@holdfast/messaging';
import type { ProxyWatch } from '../ports.ts';

/**
 * Follows the heartbeats. A proxy that is not heard counts as silent from when this process first missed it, so that a
 * restart of this process or of the broker makes nobody appear dead at once.
 */
export async function openProxyWatch(messaging: Messaging, now: () => number): Promise<ProxyWatch & Running> {
  const heartbeats: KeyValue<ProxyHeartbeat> = await messaging.keyValue(buckets.proxies, {
    ttlMs: bucketTtlMs.proxies,
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  const heard = new Set<string>();
  const missedSince = new Map<string, number>();
  const watching = await heartbeats.watch((key, heartbeat) => {
    if (heartbeat === undefined) heard.delete(key);
    else {
      heard.add(key);
      missedSince.delete(key);
    }
  });
  return {
    canSee() {
      // While the broker is away nobody is heard; what was missed then says nothing.
      if (!messaging.connected) missedSince.clear();
      return messaging.connected;
    },
    silentSince(proxyId) {
      if (heard.has(proxyId)) return undefined;
      const since = missedSince.get(proxyId) ?? now();
      missedSince.set(proxyId, since);
      return since;
    },
    stop: () => watching.stop(),
  };
}
