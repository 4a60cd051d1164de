import { all } from '@holdfast/store';
import type { ApiPorts } from '../ports.ts';

/** A pool whose proxies serve the organization, one that has proxies now if there is any. */
export async function poolFor(ports: ApiPorts, organizationId: string): Promise<string> {
  const refusing = new Set<string>();
  for await (const { doc } of all(ports.collections.pools, {})) {
    if (doc.organizationIds?.includes(organizationId) === false) refusing.add(doc.id);
  }
  const online = new Set(ports.live.proxies().map(({ pool }) => pool));
  const fitting = [ports.pool, ...[...online].sort()].filter((pool) => !refusing.has(pool));
  return fitting.find((pool) => online.has(pool)) ?? fitting[0] ?? ports.pool;
}
