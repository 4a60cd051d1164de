import { alertKinds, alertSchema, idSchema } from '@holdfast/contracts';
import { z } from 'zod';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'alerts';

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/alerts',
    operationId: 'listAlerts',
    tag,
    summary: 'List alerts, newest first: what is wrong now, and what was',
    query: z.strictObject({
      ...pageQuery,
      state: alertSchema.shape.state.optional().meta({ description: '`open` for what is wrong now.' }),
      kind: z.enum(alertKinds).optional(),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(alertSchema) } },
    async handler({ query: { limit, after, state, kind } }) {
      const page = await ports.collections.alerts.find({
        where: { ...(state === undefined ? {} : { state }), ...(kind === undefined ? {} : { kind }) },
        sort: { field: 'raisedAt', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/alerts/{alertId}',
    operationId: 'getAlert',
    tag,
    summary: 'Show an alert',
    params: z.object({ alertId: idSchema }),
    responses: { 200: { description: 'The alert', schema: alertSchema } },
    async handler({ params: { alertId } }) {
      return { body: (await lookUp(ports.collections.alerts, 'alert', alertId)).doc };
    },
  });

export const alertRoutes = (ports: ApiPorts): Route[] => [list, get].map((make) => make(ports));
