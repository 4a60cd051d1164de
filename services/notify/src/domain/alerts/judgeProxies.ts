import type { AlertSettings, ProxyRecord } from '@holdfast/contracts';
import { formatDuration } from '../format.ts';
import type { Finding } from './finding.ts';

const minuteMs = 60_000;

/** A younger process of the same machine and pool: what was started anew is not missed under its old name. */
const isReplaced = (
  proxy: ProxyRecord,
  all: readonly ProxyRecord[],
  isHeard: (id: string) => boolean,
): boolean =>
  all.some(
    (other) =>
      other.id !== proxy.id &&
      other.host === proxy.host &&
      other.pool === proxy.pool &&
      other.startedAt > proxy.startedAt &&
      isHeard(other.id),
  );

/** Proxies that give no sign of life; `silentSince` is undefined for those that are heard. */
export function judgeProxies(
  proxies: readonly ProxyRecord[],
  silentSince: (proxyId: string) => number | undefined,
  settings: AlertSettings,
  nowMs: number,
): Finding[] {
  const limitMs = settings.proxyOffline.afterMinutes * minuteMs;
  const isHeard = (id: string): boolean => silentSince(id) === undefined;
  return proxies.flatMap((proxy): Finding[] => {
    const since = silentSince(proxy.id);
    if (since === undefined || nowMs - since < limitMs || proxy.stoppedAt !== undefined) return [];
    if (isReplaced(proxy, proxies, isHeard)) return [];
    const others = proxies.filter(({ pool, id }) => pool === proxy.pool && isHeard(id)).length;
    return [
      {
        about: proxy.id,
        message: `Proxy "${proxy.id}" on ${proxy.host} has given no sign of life for more than ${formatDuration(limitMs)}; ${others === 0 ? `no proxy of pool "${proxy.pool}" is left` : `${others} of pool "${proxy.pool}" work on`}.`,
        remedy:
          'Look at the machine and its log and start the service sync again. Others of its pool take over its mailboxes meanwhile.',
        details: [],
        since: new Date(since).toISOString(),
      },
    ];
  });
}
