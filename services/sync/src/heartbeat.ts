import {
  buckets,
  bucketTtlMs,
  makeEvent,
  type ProxyHeartbeat,
  type ProxyRecord,
  proxyHeartbeatSchema,
} from '@holdfast/contracts';
import type { KeyValue, Messaging, Outbox, Running } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import { type Collection, upsert } from '@holdfast/store';
import type { Activity } from './activity.ts';

interface HeartbeatDeps {
  proxy: ProxyRecord;
  proxies: Collection<ProxyRecord>;
  messaging: Messaging;
  outbox: Pick<Outbox, 'add'>;
  activity: Activity;
  clock: Clock;
  logger: Logger;
  everyMs: number;
}

/** Says in the store, in an event and every few seconds in the bucket `proxies` that this proxy is there. */
export async function startHeartbeat(deps: HeartbeatDeps): Promise<Running> {
  const { proxy, messaging } = deps;
  await upsert(deps.proxies, proxy.id, () => proxy);
  const bucket: KeyValue<ProxyHeartbeat> = await messaging.keyValue(buckets.proxies, {
    ttlMs: bucketTtlMs.proxies,
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  await deps.outbox.add(online(proxy));
  const stopping = new AbortController();
  const beating = beat(deps, bucket, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await beating;
      await bucket.delete(proxy.id).catch((error: unknown) => {
        deps.logger.warn({ error }, 'the heartbeat could not be taken back; it expires by itself');
      });
    },
  };
}

async function beat(
  deps: HeartbeatDeps,
  bucket: KeyValue<ProxyHeartbeat>,
  stopping: AbortSignal,
): Promise<void> {
  const { proxy, activity, clock, logger, everyMs } = deps;
  while (!stopping.aborted) {
    const heartbeat: ProxyHeartbeat = {
      ...proxy,
      busy: activity.busy,
      mailboxes: activity.addresses(),
      at: new Date(clock.now()).toISOString(),
    };
    await bucket.put(proxy.id, heartbeat).catch((error: unknown) => {
      logger.warn({ error }, 'the heartbeat could not be sent');
    });
    await clock.sleep(everyMs, stopping);
  }
}

function online({ id, pool, version, startedAt }: ProxyRecord) {
  return makeEvent('proxy.online', {
    source: 'sync',
    subject: id,
    key: `${id}.${startedAt}`,
    time: startedAt,
    data: { proxyId: id, pool, version },
  });
}
