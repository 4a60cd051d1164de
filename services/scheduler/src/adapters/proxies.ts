import { buckets, bucketTtlMs, type ProxyHeartbeat, proxyHeartbeatSchema } from '@holdfast/contracts';
import { askQuestion, type KeyValue, type Messaging, type Running } from '@holdfast/messaging';
import type { Heard } from '../domain/watchProxies.ts';
import type { Inventory, ProxyWatch } from '../ports.ts';

/** Reading the directory of a large organization takes minutes. */
const inventoryTimeoutMs = 5 * 60_000;

/**
 * Asks any proxy of a pool; the broker says at once when there is none. Runs that ask the same at the same time share
 * one answer, so that jobs with the same time of day read the directory once.
 */
export function createInventory(messaging: Messaging): Inventory {
  const asked = new Map<string, Promise<void>>();
  return {
    refresh(pool, organizationId, { groupIds, kinds }) {
      const request = { organizationId, groupIds: [...groupIds].sort(), kinds };
      const key = JSON.stringify([pool, request]);
      const current = asked.get(key);
      if (current !== undefined) return current;
      const answer = askQuestion(messaging, pool, 'refreshInventory', request, {
        timeoutMs: inventoryTimeoutMs,
      })
        .then(() => undefined)
        .finally(() => asked.delete(key));
      asked.set(key, answer);
      return answer;
    },
  };
}

/** The heartbeats of the proxies, followed so that asking about a task costs nothing. */
export async function openProxyWatch(
  messaging: Messaging,
  now: () => number,
): Promise<ProxyWatch & Running & { heard(proxyId: string): Heard }> {
  const heartbeats: KeyValue<ProxyHeartbeat> = await messaging.keyValue(buckets.proxies, {
    ttlMs: bucketTtlMs.proxies,
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  const known = new Map<string, ProxyHeartbeat>();
  // By this machine's clock, whatever those of the proxies say.
  const heardAt = new Map<string, number>();
  const since = now();
  const watching = await heartbeats.watch((key, heartbeat) => {
    if (heartbeat === undefined) known.delete(key);
    else {
      known.set(key, heartbeat);
      heardAt.set(key, now());
    }
  });
  return {
    worksOn(task) {
      const proxy = task.proxy === undefined ? undefined : known.get(task.proxy);
      return proxy?.mailboxes.includes(task.mailboxAddress) ?? false;
    },
    heard: (proxyId) => ({ heartbeat: known.get(proxyId), at: heardAt.get(proxyId) ?? since }),
    stop: () => watching.stop(),
  };
}
