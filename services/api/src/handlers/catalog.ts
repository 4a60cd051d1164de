import { behindSchema, catalogMailboxSchema, InvalidInput, idSchema } from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import { z } from 'zod';
import { NotFound } from '../errors.ts';
import { afterOf, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { keyOfMailbox } from './explore.ts';
import { lookUp } from './lookUp.ts';
import { exploreTimeoutMs } from './pointView.ts';

const tag = 'catalog';

const status = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/catalog',
    operationId: 'listCatalog',
    tag,
    summary: 'Show which mailboxes are in the catalog, and how far it is behind',
    query: z.strictObject({
      ...pageQuery,
      organizationId: idSchema.optional(),
      repositoryId: idSchema.optional(),
    }),
    responses: {
      200: {
        description: 'A page',
        schema: z.object({ ...pageOf(catalogMailboxSchema).shape, behind: behindSchema }),
      },
    },
    async handler({ query: { limit, after, organizationId, repositoryId } }) {
      const question = {
        limit,
        ...afterOf(after),
        ...(organizationId === undefined ? {} : { organizationIds: [organizationId] }),
        ...(repositoryId === undefined ? {} : { repositoryIds: [repositoryId] }),
      };
      return { body: await ports.ask('catalogStatus', question, { timeoutMs: exploreTimeoutMs }) };
    },
  });

const rebuild = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/catalog/rebuild',
    operationId: 'rebuildCatalog',
    tag,
    summary: 'Make the catalog of a repository, or of one mailbox in it, anew',
    description: 'Works with the repository alone; searches answer what is there meanwhile.',
    body: z.strictObject({
      repositoryId: idSchema,
      /** The repository's key of a mailbox, or its id. */
      mailbox: z.string().min(1).max(64).optional(),
    }),
    responses: { 202: { description: 'Asked for', schema: z.object({ mailboxes: z.number().int() }) } },
    async handler({ body: { repositoryId, mailbox } }) {
      if ((await ports.collections.repositories.get(repositoryId)) === undefined) {
        throw new InvalidInput([{ field: 'repositoryId', message: 'there is no such repository' }]);
      }
      const mailboxKey =
        mailbox === undefined ? {} : { mailboxKey: await keyOfMailbox(ports, repositoryId, mailbox) };
      const question = { repositoryId, ...mailboxKey };
      const timeoutMs = exploreTimeoutMs * 5;
      return { status: 202, body: await ports.ask('rebuildCatalog', question, { timeoutMs }) };
    },
  });

const onOff = z.object({ enabled: z.boolean() });

const switchIt = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/organizations/{organizationId}/catalog',
    operationId: 'setOrganizationCatalog',
    tag,
    roles: [],
    summary: 'Put an organization into the catalog, or take it out',
    params: z.object({ organizationId: idSchema }),
    body: z.strictObject({ enabled: z.boolean() }),
    responses: { 200: { description: 'As it is now', schema: onOff } },
    async handler({ params: { organizationId }, body: { enabled } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const written = await modify(ports.collections.organizations, organizationId, (doc) => ({
        ...doc,
        catalog: enabled,
      }));
      if (written === undefined) throw new NotFound('organization', organizationId);
      const data = { organizationId, change: 'changed' } as const;
      await announce(
        ports,
        'organization.changed',
        organizationId,
        `catalog.${organizationId}.${written.version}`,
        data,
      );
      return { body: { enabled } };
    },
  });

export const catalogRoutes = (ports: ApiPorts): Route[] =>
  [status, rebuild, switchIt].map((make) => make(ports));
