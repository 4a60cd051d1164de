import { type HoldfastEvent, makeEvent, type ProxyHeartbeat, type ProxyRecord } from '@holdfast/contracts';
import type { Announce, ProxyBook } from '../ports.ts';

/** What this process has heard of a proxy. */
export interface Heard {
  heartbeat: ProxyHeartbeat | undefined;
  /** When a heartbeat came here last, or since when this process listens; ms since epoch. */
  at: number;
}

export interface WatchProxiesPorts {
  proxyBook: ProxyBook;
  heard: (proxyId: string) => Heard;
  announce: Announce;
  now: () => number;
  /** A proxy that gives no sign of life for so long is offline. */
  silentAfterMs: number;
}

/**
 * Tells once when a proxy is offline and once when it is back: however it ended, and whoever leads. What is noted in its
 * record makes the events, so that a repeat after a crash is the same event.
 */
export async function watchProxies(ports: WatchProxiesPorts): Promise<void> {
  for (const record of await ports.proxyBook.proxies()) {
    const { heartbeat, at } = ports.heard(record.id);
    const isHere = heartbeat !== undefined && ports.now() - at < ports.silentAfterMs;
    if (isHere) await noteOnline(ports, record);
    else if (record.stoppedAt !== undefined || ports.now() - at >= ports.silentAfterMs) {
      await noteOffline(ports, record, heartbeat?.at);
    }
  }
}

async function noteOffline(
  ports: WatchProxiesPorts,
  record: ProxyRecord,
  heardAt: string | undefined,
): Promise<void> {
  const since = record.offlineSince ?? record.stoppedAt ?? heardAt ?? new Date(ports.now()).toISOString();
  // Told before it is noted: who dies in between tells again, and it is the same event only with the same time.
  if (record.offlineSince === undefined) {
    const noted = await ports.proxyBook.changeProxy(record.id, (current) =>
      current.startedAt === record.startedAt && current.offlineSince === undefined
        ? { ...current, offlineSince: since }
        : undefined,
    );
    if (noted === undefined) return;
  }
  await ports.announce(offline(record, since));
}

async function noteOnline(ports: WatchProxiesPorts, record: ProxyRecord): Promise<void> {
  const { offlineSince } = record;
  if (offlineSince === undefined) return;
  await ports.announce(backOnline(record, offlineSince));
  await ports.proxyBook.changeProxy(record.id, ({ offlineSince: noted, ...current }) =>
    noted === offlineSince ? current : undefined,
  );
}

const offline = ({ id, pool }: ProxyRecord, lastSeen: string): HoldfastEvent =>
  makeEvent('proxy.offline', {
    ...{ source: 'scheduler', subject: id, time: lastSeen },
    key: `${id}.${lastSeen}`,
    data: { proxyId: id, pool, lastSeen },
  });

const backOnline = ({ id, pool, version }: ProxyRecord, offlineSince: string): HoldfastEvent =>
  makeEvent('proxy.online', {
    ...{ source: 'scheduler', subject: id, time: offlineSince },
    key: `${id}.after.${offlineSince}`,
    data: { proxyId: id, pool, version },
  });
