import type { ProxyRecord } from '@holdfast/contracts';
import { z } from 'zod';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { cloudView, poolView, proxyView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';

const tag = 'proxies';
const mostProxies = 1000;

function viewOf(ports: ApiPorts, record: ProxyRecord) {
  const heartbeat = ports.live.proxies().find(({ id }) => id === record.id);
  if (heartbeat === undefined) return { ...record, busy: 0, mailboxes: [], online: false };
  return { ...heartbeat, online: true, lastSeen: heartbeat.at };
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
      return { body: listBody(page, (doc) => viewOf(ports, doc)) };
    },
  });

const pools = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/pools',
    operationId: 'listPools',
    tag,
    summary: 'List pools: how many proxies each has and how busy they are',
    responses: { 200: { description: 'All pools', schema: pageOf(poolView) } },
    async handler() {
      const known = await ports.collections.proxies.find({ limit: mostProxies });
      const online = ports.live.proxies();
      const names = new Set([
        ports.pool,
        ...known.items.map(({ doc }) => doc.pool),
        ...online.map((p) => p.pool),
      ]);
      const items = [...names].sort().map((pool) => {
        const mine = online.filter((proxy) => proxy.pool === pool);
        return {
          pool,
          proxiesOnline: mine.length,
          proxiesKnown: Math.max(mine.length, known.items.filter(({ doc }) => doc.pool === pool).length),
          slots: mine.reduce((sum, { slots }) => sum + slots, 0),
          busy: mine.reduce((sum, { busy }) => sum + busy, 0),
        };
      });
      return { body: { items } };
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

export const proxyRoutes = (ports: ApiPorts): Route[] => [list, pools, clouds].map((make) => make(ports));
