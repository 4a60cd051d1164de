import {
  behindSchema,
  catalogFolderSchema,
  catalogItemSchema,
  comparisonSchema,
  InvalidInput,
  idSchema,
  repositoryMailboxSchema,
  timelinePointSchema,
} from '@holdfast/contracts';
import { z } from 'zod';
import { NotFound } from '../errors.ts';
import { afterOf, decodeCursor, encodeCursor, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { joinedId, sourceId } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';
import { exploreTimeoutMs, viewOfPoint } from './pointView.ts';

const tag = 'explore';
const ofRepository = z.object({ repositoryId: idSchema });
const ofMailbox = ofRepository.extend({
  mailbox: idSchema.meta({ description: "The repository's key of the mailbox, or the id of the mailbox." }),
});

/** The repository's key of a mailbox, given itself or the mailbox's id. @throws NotFound */
export async function keyOfMailbox(ports: ApiPorts, repositoryId: string, mailbox: string): Promise<string> {
  if (/^[0-9a-f]{32}$/.test(mailbox)) return mailbox;
  const page = await ports.collections.restorePoints.find({
    where: { repositoryId, mailboxId: mailbox },
    sort: { field: 'time', order: 'desc' },
    limit: 1,
  });
  const key = /^points\/([0-9a-f]{32})\//.exec(page.items[0]?.doc.pointName ?? '')?.[1];
  if (key === undefined) throw new NotFound('mailbox', mailbox);
  return key;
}

const timeout = { timeoutMs: exploreTimeoutMs };

const mailboxes = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}/mailboxes',
    operationId: 'listRepositoryMailboxes',
    tag,
    summary: 'List the mailboxes of a repository, read from the repository alone',
    params: ofRepository,
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(repositoryMailboxSchema) } },
    async handler({ params: { repositoryId }, query: { limit, after } }) {
      await lookUp(ports.collections.repositories, 'repository', repositoryId);
      const question = { repositoryId, limit, ...afterOf(after) };
      return { body: await ports.ask('repositoryMailboxes', question, timeout) };
    },
  });

const points = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}/mailboxes/{mailbox}/points',
    operationId: 'listRepositoryPoints',
    tag,
    summary: 'The timeline of a mailbox, newest first, read from the repository alone',
    params: ofMailbox,
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(timelinePointSchema) } },
    async handler({ params: { repositoryId, mailbox }, query: { limit, after } }) {
      await lookUp(ports.collections.repositories, 'repository', repositoryId);
      const mailboxKey = await keyOfMailbox(ports, repositoryId, mailbox);
      const question = { repositoryId, mailboxKey, limit, ...afterOf(after) };
      return { body: await ports.ask('repositoryPoints', question, timeout) };
    },
  });

const folders = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}/mailboxes/{mailbox}/folders',
    operationId: 'listFoldersEver',
    tag,
    summary: 'List all folders that ever were in a kept restore point, deleted ones marked',
    params: ofMailbox,
    query: z.strictObject({ ...pageQuery, limit: pageQuery.limit.unwrap().default(1000) }),
    responses: {
      200: {
        description: 'A page',
        schema: z.object({ ...pageOf(catalogFolderSchema).shape, behind: behindSchema }),
      },
    },
    async handler({ params: { repositoryId, mailbox }, query: { limit, after } }) {
      const mailboxKey = await keyOfMailbox(ports, repositoryId, mailbox);
      const reply = await ports.ask('catalogFolders', { repositoryId, mailboxKey }, timeout);
      const [from] = after === undefined ? [0] : decodeCursor(z.tuple([z.number().int().min(0)]), after);
      const items = reply.folders.slice(from, from + limit);
      const next = from + limit < reply.folders.length ? { next: encodeCursor(from + limit) } : {};
      return { body: { items, ...next, behind: reply.behind } };
    },
  });

const itemsEver = z.object({ ...pageOf(catalogItemSchema).shape, behind: behindSchema });

const items = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}/mailboxes/{mailbox}/folders/{folderId}/items',
    operationId: 'listItemsEver',
    tag,
    summary: 'List all that ever was in a folder, with the restore points in which it lived',
    params: ofMailbox.extend({ folderId: sourceId }),
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: itemsEver } },
    async handler({ params: { repositoryId, mailbox, folderId }, query: { limit, after } }) {
      const mailboxKey = await keyOfMailbox(ports, repositoryId, mailbox);
      const question = { repositoryId, mailboxKey, folderId, limit, ...afterOf(after) };
      return { body: await ports.ask('catalogItems', question, timeout) };
    },
  });

const history = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}/mailboxes/{mailbox}/items/{itemKey}/history',
    operationId: 'showItemHistory',
    tag,
    summary: 'Every form and place of an item, newest first',
    params: ofMailbox.extend({ itemKey: sourceId }),
    responses: {
      200: { description: 'All of them', schema: itemsEver.omit({ next: true }) },
    },
    async handler({ params: { repositoryId, mailbox, itemKey } }) {
      const mailboxKey = await keyOfMailbox(ports, repositoryId, mailbox);
      return { body: await ports.ask('itemHistory', { repositoryId, mailboxKey, itemKey }, timeout) };
    },
  });

const compare = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restore-points/{pointId}/compare',
    operationId: 'compareRestorePoint',
    tag,
    summary: 'Compare a restore point with a later one, or with the mailbox as it is now',
    description:
      'With the live mailbox the folders are read from Exchange within its limits, which takes a while for a large mailbox.',
    params: z.object({ pointId: joinedId }),
    query: z.strictObject({
      ...pageQuery,
      with: joinedId.meta({ description: 'The id of another restore point of the mailbox, or `live`.' }),
      folderId: sourceId.optional(),
      change: z.enum(['new', 'deleted', 'moved', 'changed']).optional(),
    }),
    responses: { 200: { description: 'Counts, and a page of items', schema: comparisonSchema } },
    async handler({ params: { pointId }, query: { with: other, limit, after, folderId, change } }) {
      const view = await viewOfPoint(ports, pointId);
      const question = {
        ...view,
        with:
          other === 'live' ? await liveOf(ports, pointId) : await pointOf(ports, view.repositoryId, other),
        limit,
        ...afterOf(after),
        ...(folderId === undefined ? {} : { folderId }),
        ...(change === undefined ? {} : { change }),
      };
      return { body: await ports.ask('comparePoint', question, { timeoutMs: exploreTimeoutMs * 5 }) };
    },
  });

async function liveOf(ports: ApiPorts, pointId: string) {
  const record = (await ports.collections.restorePoints.get(pointId))?.doc;
  if (record === undefined) {
    const message = 'the control data does not know this restore point, so its mailbox cannot be reached';
    throw new InvalidInput([{ field: 'with', message }]);
  }
  const { organizationId, mailboxId } = record;
  return { kind: 'live' as const, organizationId, mailboxId };
}

async function pointOf(ports: ApiPorts, repositoryId: string, id: string) {
  const view = await viewOfPoint(ports, id);
  if (view.repositoryId !== repositoryId) {
    throw new InvalidInput([{ field: 'with', message: 'must be a restore point of the same repository' }]);
  }
  return { kind: 'point' as const, pointName: view.pointName };
}

export const exploreRoutes = (ports: ApiPorts): Route[] =>
  [mailboxes, points, folders, items, history, compare].map((make) => make(ports));
