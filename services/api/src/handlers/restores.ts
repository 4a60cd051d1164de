import {
  idSchema,
  ledgerActions,
  ledgerLineSchema,
  progressSchema,
  restorePartSchema,
  restoreSessionSchema,
  restoreStates,
  sessionKinds,
} from '@holdfast/contracts';
import { z } from 'zod';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'restores';
const params = z.object({ sessionId: idSchema });

const filters = {
  state: z.enum(restoreStates).optional(),
  kind: z.enum(sessionKinds).optional(),
  mailboxId: idSchema.optional().meta({ description: 'The first mailbox of a session.' }),
  requestedBy: z.string().min(1).max(120).optional(),
  since: z.iso.datetime().optional().meta({ description: 'Requested at this time or later.' }),
  until: z.iso.datetime().optional().meta({ description: 'Requested before this time.' }),
};

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores',
    operationId: 'listRestores',
    tag,
    summary: 'List restore sessions, newest first: who asked for what, when, and how it stands',
    query: z.strictObject({ ...pageQuery, ...filters }),
    responses: { 200: { description: 'A page', schema: pageOf(restoreSessionSchema) } },
    async handler({ query: { limit, after, since, until, ...equal } }) {
      const given = Object.entries(equal).filter(([, value]) => value !== undefined) as [string, string][];
      const range = {
        ...(since === undefined ? {} : { gte: since }),
        ...(until === undefined ? {} : { lt: until }),
      };
      const page = await ports.collections.restoreSessions.find({
        where: {
          ...Object.fromEntries(given),
          ...(Object.keys(range).length === 0 ? {} : { requestedAt: range }),
        },
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
    summary: 'Show a restore session, with its plan in numbers',
    params,
    responses: { 200: { description: 'The session', schema: restoreSessionSchema } },
    async handler({ params: { sessionId } }) {
      return { body: (await lookUp(ports.collections.restoreSessions, 'restore session', sessionId)).doc };
    },
  });

const parts = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores/{sessionId}/parts',
    operationId: 'listRestoreParts',
    tag,
    summary: 'The mailboxes of a restore session: where each comes from, where it goes, and how it stands',
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(restorePartSchema) } },
    async handler({ params: { sessionId }, query: { limit, after } }) {
      await lookUp(ports.collections.restoreSessions, 'restore session', sessionId);
      const where = { sessionId };
      const page = await ports.collections.restoreParts.find({ where, limit, ...afterOf(after) });
      return { body: listBody(page, (doc) => doc) };
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
    query: z.strictObject({
      ...pageQuery,
      action: z.enum(ledgerActions).optional(),
      readBack: z.enum(['equal', 'different', 'not-read']).optional(),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(ledgerLineSchema) } },
    async handler({ params: { sessionId }, query: { limit, after, action, readBack } }) {
      await lookUp(ports.collections.restoreSessions, 'restore session', sessionId);
      const page = await ports.collections.restoreLedger.find({
        where: {
          sessionId,
          ...(action === undefined ? {} : { action }),
          ...(readBack === undefined ? {} : { readBack }),
        },
        sort: { field: 'id', order: 'asc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

export const restoreRoutes = (ports: ApiPorts): Route[] =>
  [list, get, parts, progress, ledger].map((make) => make(ports));
