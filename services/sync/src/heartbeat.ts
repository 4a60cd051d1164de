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
import { type Collection, modify, upsert } from '@holdfast/store';
import type { Activity } from './activity.ts';
import type { PausableGate } from './pausableGate.ts';

interface HeartbeatDeps {
  proxy: ProxyRecord;
  proxies: Collection<ProxyRecord>;
  messaging: Messaging;
  outbox: Pick<Outbox, 'add'>;
  activity: Activity;
  /** Shut while the control data says that this proxy is in maintenance. */
  gate: PausableGate;
  clock: Clock;
  logger: Logger;
  everyMs: number;
}

export interface Heartbeat extends Running {
  gate: PausableGate;
}

/**
 * Says in the store, in an event and every few seconds in the bucket `proxies` that this proxy is there, and looks
 * whether a user put it into maintenance. That survives its restart, as long as its name stays the same.
 */
export async function startHeartbeat(deps: HeartbeatDeps): Promise<Heartbeat> {
  const { proxy, messaging, gate } = deps;
  const stored = await upsert(deps.proxies, proxy.id, (before) => ({
    ...proxy,
    maintenance: before?.maintenance ?? false,
  }));
  if (stored?.doc.maintenance === true) gate.pause();
  const bucket: KeyValue<ProxyHeartbeat> = await messaging.keyValue(buckets.proxies, {
    ttlMs: bucketTtlMs.proxies,
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  await deps.outbox.add(online(proxy));
  const stopping = new AbortController();
  const beating = beat(deps, bucket, stopping.signal);
  return {
    gate,
    async stop() {
      stopping.abort();
      await beating;
      const stoppedAt = new Date(deps.clock.now()).toISOString();
      await modify(deps.proxies, proxy.id, (record) =>
        record.startedAt === proxy.startedAt ? { ...record, stoppedAt } : undefined,
      ).catch((error: unknown) => {
        deps.logger.warn({ error }, 'the end could not be noted; it will look like an outage');
      });
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
    await followMaintenance(deps);
    const heartbeat: ProxyHeartbeat = {
      ...proxy,
      maintenance: deps.gate.paused,
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

/** The control data may be away: then the last word counts. */
async function followMaintenance({ proxies, proxy, gate, logger }: HeartbeatDeps): Promise<void> {
  try {
    const maintenance = (await proxies.get(proxy.id))?.doc.maintenance === true;
    if (maintenance === gate.paused) return;
    if (maintenance) gate.pause();
    else gate.resume();
    logger.info({ maintenance }, maintenance ? 'maintenance: no new mailboxes' : 'maintenance is over');
  } catch (error) {
    logger.debug({ error }, 'the record of this proxy could not be read');
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
