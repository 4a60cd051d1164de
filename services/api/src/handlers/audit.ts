import { auditRecordSchema } from '@holdfast/contracts';
import { z } from 'zod';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/audit',
    operationId: 'listAudit',
    tag: 'audit',
    summary: 'Who changed, restored or exported what, newest first',
    description:
      'A line is written before the request is carried out; its status is absent when the API died.',
    query: z.strictObject({
      ...pageQuery,
      by: z.string().optional(),
      operation: z.string().optional(),
      since: z.iso.datetime().optional(),
      until: z.iso.datetime().optional(),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(auditRecordSchema) } },
    async handler({ query: { limit, after, by, operation, since, until } }) {
      const range = {
        ...(since === undefined ? {} : { gte: since }),
        ...(until === undefined ? {} : { lt: until }),
      };
      const page = await ports.collections.audit.find({
        where: {
          ...(by === undefined ? {} : { by }),
          ...(operation === undefined ? {} : { operation }),
          ...(Object.keys(range).length === 0 ? {} : { at: range }),
        },
        sort: { field: 'at', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

export const auditRoutes = (ports: ApiPorts): Route[] => [list(ports)];
