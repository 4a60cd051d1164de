import {
  idSchema,
  ledgerLineSchema,
  progressSchema,
  restoreSessionSchema,
  restoreStates,
} from '@holdfast/contracts';
import { z } from 'zod';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'restores';
const params = z.object({ sessionId: idSchema });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores',
    operationId: 'listRestores',
    tag,
    summary: 'List restore sessions, newest first',
    query: z.strictObject({ ...pageQuery, state: z.enum(restoreStates).optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(restoreSessionSchema) } },
    async handler({ query: { limit, after, state } }) {
      const page = await ports.collections.restoreSessions.find({
        where: state === undefined ? {} : { state },
        sort: { field: 'requestedAt', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores/{sessionId}',
    operationId: 'getRestore',
    tag,
    summary: 'Show a restore session',
    params,
    responses: { 200: { description: 'The session', schema: restoreSessionSchema } },
    async handler({ params: { sessionId } }) {
      return { body: (await lookUp(ports.collections.restoreSessions, 'restore session', sessionId)).doc };
    },
  });

const progress = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores/{sessionId}/progress',
    operationId: 'getRestoreProgress',
    tag,
    summary: 'Live counters of a restore at work',
    params,
    responses: { 200: { description: 'One entry, or none', schema: pageOf(progressSchema) } },
    async handler({ params: { sessionId } }) {
      await lookUp(ports.collections.restoreSessions, 'restore session', sessionId);
      const mine = ports.live.progress().filter(({ id, owner }) => id === sessionId || owner === sessionId);
      return { body: { items: mine } };
    },
  });

const ledger = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores/{sessionId}/ledger',
    operationId: 'listLedger',
    tag,
    summary: 'What became of each item: one line an item, in the order of the plan',
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(ledgerLineSchema) } },
    async handler({ params: { sessionId }, query: { limit, after } }) {
      await lookUp(ports.collections.restoreSessions, 'restore session', sessionId);
      const page = await ports.collections.restoreLedger.find({
        where: { sessionId },
        sort: { field: 'id', order: 'asc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

export const restoreRoutes = (ports: ApiPorts): Route[] =>
  [list, get, progress, ledger].map((make) => make(ports));
