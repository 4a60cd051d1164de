import type { ProxyRecord } from '@holdfast/contracts';
import { z } from 'zod';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { cloudView, proxyView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';

const tag = 'proxies';

/** A proxy as lists show it: what it says of itself now, else what it said last. */
export function viewOfProxy(ports: ApiPorts, record: ProxyRecord) {
  const { maintenance, offlineSince, stoppedAt } = record;
  const heartbeat = ports.live.proxies().find(({ id }) => id === record.id);
  if (heartbeat === undefined) {
    const lastSeen = stoppedAt ?? offlineSince ?? record.startedAt;
    return { ...record, busy: 0, mailboxes: [], online: false, lastSeen };
  }
  // It learns of maintenance within seconds; what was asked for counts here.
  return { ...heartbeat, maintenance, online: true, lastSeen: heartbeat.at };
}

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/proxies',
    operationId: 'listProxies',
    tag,
    summary: 'List sync workers: version, load, mailboxes at work, last seen',
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(proxyView) } },
    async handler({ query: { limit, after } }) {
      const page = await ports.collections.proxies.find({ limit, ...afterOf(after) });
      return { body: listBody(page, (doc) => viewOfProxy(ports, doc)) };
    },
  });

const clouds = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/clouds',
    operationId: 'listClouds',
    tag: 'organizations',
    summary: 'List the Microsoft clouds that organizations can be in',
    responses: { 200: { description: 'All clouds', schema: pageOf(cloudView) } },
    async handler() {
      return { body: { items: ports.clouds } };
    },
  });

export const proxyRoutes = (ports: ApiPorts): Route[] => [list, clouds].map((make) => make(ports));
