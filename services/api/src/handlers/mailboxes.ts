import { idSchema, type Mailbox, mailboxSchema, restorePointRecordSchema } from '@holdfast/contracts';
import type { Collection } from '@holdfast/store';
import { z } from 'zod';
import { afterOf, decodeCursor, encodeCursor, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const scanPage = 1000;
/** Mailboxes looked at in one request; a search that needs more goes on with the next page. */
const scanLimit = 20_000;

const fold = (text: string): string => text.normalize('NFKC').toLowerCase();

/** A page of the mailboxes whose address or name contains the words; goes through the inventory by address. */
async function search(
  mailboxes: Collection<Mailbox>,
  organizationId: string,
  options: { words: string; limit: number; after: string | undefined },
): Promise<{ items: Mailbox[]; next?: string }> {
  const words = fold(options.words)
    .split(/\s+/)
    .filter((word) => word !== '');
  const matches = (mailbox: Mailbox) => {
    const text = fold(`${mailbox.address} ${mailbox.displayName}`);
    return words.every((word) => text.includes(word));
  };
  const items: Mailbox[] = [];
  let [from, skip] =
    options.after === undefined ? ['', ''] : decodeCursor(z.tuple([z.string(), z.string()]), options.after);
  for (let scanned = 0; scanned < scanLimit; ) {
    const page = await mailboxes.find({
      where: { organizationId, ...(from === '' ? {} : { address: { gte: from } }) },
      sort: { field: 'address', order: 'asc' },
      limit: scanPage,
    });
    for (const { doc } of page.items) {
      scanned += 1;
      if (doc.address === from && doc.id <= skip) continue;
      [from, skip] = [doc.address, doc.id];
      if (matches(doc)) items.push(doc);
      if (items.length === options.limit) return { items, next: encodeCursor(from, skip) };
    }
    if (page.next === undefined) return { items };
  }
  return { items, next: encodeCursor(from, skip) };
}

const listOfOrganization = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/organizations/{organizationId}/mailboxes',
    operationId: 'listMailboxes',
    tag: 'mailboxes',
    summary: 'List the mailboxes of the last inventory by address',
    params: z.object({ organizationId: idSchema }),
    query: z.strictObject({
      ...pageQuery,
      search: z
        .string()
        .max(200)
        .optional()
        .meta({ description: 'Parts of the address or of the name; all must be there.' }),
      address: z.string().max(320).optional().meta({ description: 'Exactly this address.' }),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(mailboxSchema) } },
    async handler({ params: { organizationId }, query: { limit, after, search: words, address } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const { mailboxes } = ports.collections;
      if (words !== undefined && words.trim() !== '') {
        return { body: await search(mailboxes, organizationId, { words, limit, after }) };
      }
      const page = await mailboxes.find({
        where: { organizationId, ...(address === undefined ? {} : { address }) },
        sort: { field: 'address', order: 'asc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/mailboxes/{mailboxId}',
    operationId: 'getMailbox',
    tag: 'mailboxes',
    summary: 'Show a mailbox',
    params: z.object({ mailboxId: idSchema }),
    responses: { 200: { description: 'The mailbox', schema: mailboxSchema } },
    async handler({ params: { mailboxId } }) {
      return { body: (await lookUp(ports.collections.mailboxes, 'mailbox', mailboxId)).doc };
    },
  });

const points = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/mailboxes/{mailboxId}/restore-points',
    operationId: 'listRestorePoints',
    tag: 'restore points',
    summary: 'List the restore points of a mailbox, newest first',
    params: z.object({ mailboxId: idSchema }),
    query: z.strictObject({ ...pageQuery, repositoryId: idSchema.optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(restorePointRecordSchema) } },
    async handler({ params: { mailboxId }, query: { limit, after, repositoryId } }) {
      // Points outlive their mailbox: a mailbox nobody knows any more may well have some.
      const page = await ports.collections.restorePoints.find({
        where: { mailboxId, ...(repositoryId === undefined ? {} : { repositoryId }) },
        sort: { field: 'time', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      if (page.items.length === 0) await lookUp(ports.collections.mailboxes, 'mailbox', mailboxId);
      return { body: listBody(page, (doc) => doc) };
    },
  });

export const mailboxRoutes = (ports: ApiPorts): Route[] =>
  [listOfOrganization, get, points].map((make) => make(ports));
