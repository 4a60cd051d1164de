import {
  type FieldProblem,
  InvalidInput,
  idSchema,
  type Job,
  type Pool,
  type PoolInput,
  poolInputSchema,
  poolRefusals,
  poolSchema,
  repositoriesOf,
} from '@holdfast/contracts';
import { all, modify, upsert } from '@holdfast/store';
import { z } from 'zod';
import { Conflict, NotFound } from '../errors.ts';
import { pageOf } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { poolView, proxyView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';
import { viewOfProxy } from './proxies.ts';

const tag = 'pools';
const params = z.object({ pool: idSchema });
const mostProxies = 1000;

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/pools',
    operationId: 'listPools',
    tag,
    summary: 'List pools: what each serves, how many proxies it has and how busy they are',
    responses: { 200: { description: 'All pools', schema: pageOf(poolView) } },
    async handler() {
      const known = await ports.collections.proxies.find({ limit: mostProxies });
      const documents = new Map<string, Pool>();
      for await (const { doc } of all(ports.collections.pools, {})) documents.set(doc.id, doc);
      const online = ports.live.proxies();
      const names = new Set([
        ports.pool,
        ...documents.keys(),
        ...known.items.map(({ doc }) => doc.pool),
        ...online.map((proxy) => proxy.pool),
      ]);
      const items = [...names].sort().map((pool) => {
        const mine = online.filter((proxy) => proxy.pool === pool);
        const { description = '', organizationIds, repositoryIds } = documents.get(pool) ?? {};
        return {
          ...{ pool, description, organizationIds, repositoryIds },
          proxiesOnline: mine.length,
          proxiesInMaintenance: mine.filter(({ maintenance }) => maintenance).length,
          proxiesKnown: Math.max(mine.length, known.items.filter(({ doc }) => doc.pool === pool).length),
          slots: mine.reduce((sum, { slots }) => sum + slots, 0),
          busy: mine.reduce((sum, { busy }) => sum + busy, 0),
        };
      });
      return { body: { items } };
    },
  });

/** Each field that names what is not there, or leaves out what a job of the pool needs. @throws InvalidInput */
async function checkPool(ports: ApiPorts, pool: string, input: PoolInput): Promise<void> {
  const problems: FieldProblem[] = [];
  for (const [field, ids, rows] of [
    ['organizationIds', input.organizationIds, ports.collections.organizations],
    ['repositoryIds', input.repositoryIds, ports.collections.repositories],
  ] as const) {
    for (const [at, id] of (ids ?? []).entries()) {
      if ((await rows.get(id)) === undefined)
        problems.push({ field: `${field}[${at}]`, message: 'is not there' });
    }
  }
  for (const job of await jobsOf(ports, pool)) {
    const { organizationId } = job;
    for (const { what, id } of poolRefusals(input, { organizationId, repositoryIds: repositoriesOf(job) })) {
      const field = what === 'organization' ? 'organizationIds' : 'repositoryIds';
      const message = `must have ${id}, which the job "${job.name}" needs: give the job another pool first`;
      problems.push({ field, message });
    }
  }
  if (problems.length > 0) throw new InvalidInput(problems);
}

async function jobsOf(ports: ApiPorts, pool: string): Promise<Job[]> {
  const found: Job[] = [];
  for await (const { doc } of all(ports.collections.jobs, {})) if (doc.pool === pool) found.push(doc);
  return found;
}

const set = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/pools/{pool}',
    operationId: 'setPool',
    tag,
    summary: 'Set which organizations and repositories a pool serves; adds it when it is not there',
    description: 'What is left out of the lists is not served; a list that is absent serves all.',
    params,
    body: poolInputSchema,
    responses: { 200: { description: 'Set', schema: poolSchema } },
    async handler({ params: { pool }, body }) {
      await checkPool(ports, pool, body);
      const createdAt = new Date(ports.clock.now()).toISOString();
      let change: 'added' | 'changed' = 'added';
      const written = await upsert(ports.collections.pools, pool, (before) => {
        change = before === undefined ? 'added' : 'changed';
        return { ...body, id: pool, createdAt: before?.createdAt ?? createdAt };
      });
      if (written === undefined) throw new NotFound('pool', pool);
      await announce(ports, 'pool.changed', pool, `${pool}/${createdAt}/${written.version}`, {
        pool,
        change,
      });
      return { body: written.doc };
    },
  });

const remove = (ports: ApiPorts): Route =>
  route({
    method: 'delete',
    path: '/pools/{pool}',
    operationId: 'removePool',
    tag,
    summary: 'Remove what was set of a pool; refused while a job uses it and no proxy is in it',
    description: 'Proxies stay in it, and it serves everything then.',
    params,
    responses: { 204: { description: 'Removed' } },
    async handler({ params: { pool } }) {
      const { doc } = await lookUp(ports.collections.pools, 'pool', pool);
      const [job] = await jobsOf(ports, pool);
      const members = await ports.collections.proxies.find({ where: { pool }, limit: 1 });
      if (job !== undefined && members.items.length === 0) {
        throw new Conflict('pool-in-use', `job "${job.name}" uses it`, 'Give its jobs another pool first.');
      }
      await ports.collections.pools.delete(pool);
      const data = { pool, change: 'removed' } as const;
      await announce(ports, 'pool.changed', pool, `${pool}/removed/${doc.createdAt}`, data);
      return {};
    },
  });

const maintenance = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/proxies/{proxyId}/maintenance',
    operationId: 'setMaintenance',
    tag: 'proxies',
    summary:
      'Put a proxy into maintenance, or end it: it finishes what it has in hand and takes no new mailbox',
    description: 'Takes effect within seconds and survives a restart of the proxy.',
    params: z.object({ proxyId: idSchema }),
    body: z.strictObject({ on: z.boolean() }),
    responses: { 200: { description: 'Set', schema: proxyView } },
    async handler({ params: { proxyId }, body: { on }, caller }) {
      const { doc: before } = await lookUp(ports.collections.proxies, 'proxy', proxyId);
      if (before.maintenance === on) return { body: viewOfProxy(ports, before) };
      const written = await modify(ports.collections.proxies, proxyId, (doc) => ({
        ...doc,
        maintenance: on,
      }));
      if (written === undefined) throw new NotFound('proxy', proxyId);
      await announce(ports, 'proxy.maintenance', proxyId, `${proxyId}/${written.version}`, {
        ...{ proxyId, pool: written.doc.pool, on },
        requestedBy: caller.name,
      });
      return { body: viewOfProxy(ports, written.doc) };
    },
  });

export const poolRoutes = (ports: ApiPorts): Route[] =>
  [list, set, remove, maintenance].map((make) => make(ports));
