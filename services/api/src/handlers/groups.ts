import { foundGroupSchema, idSchema } from '@holdfast/contracts';
import { z } from 'zod';
import { pageOf } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const find = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/organizations/{organizationId}/groups',
    operationId: 'findGroups',
    tag: 'organizations',
    summary: 'Find groups of the directory by the beginning of their name; a proxy asks the directory',
    params: z.object({ organizationId: idSchema }),
    query: z.strictObject({
      search: z.string().max(200).default('').meta({ description: 'Beginning of the name; all when empty.' }),
      limit: z.coerce.number().int().min(1).max(100).default(50),
    }),
    responses: { 200: { description: 'Groups', schema: pageOf(foundGroupSchema) } },
    async handler({ params: { organizationId }, query: { search, limit } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const { groups } = await ports.ask('findGroups', { organizationId, search, limit });
      return { body: { items: groups } };
    },
  });

export const groupRoutes = (ports: ApiPorts): Route[] => [find(ports)];
