import {
  HoldfastError,
  InvalidInput,
  idSchema,
  type Organization,
  type SearchInput,
  searchInputSchema,
  searchPageSchema,
} from '@holdfast/contracts';
import { z } from 'zod';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { exploreTimeoutMs } from './pointView.ts';

const tag = 'search';
const listOfIds = z
  .string()
  .transform((text) => text.split(',').filter((id) => id !== ''))
  .pipe(z.array(idSchema).min(1).max(100));
const yesNo = z.enum(['true', 'false']).transform((text) => text === 'true');

const searchQuery = z.strictObject({
  q: searchInputSchema.shape.query,
  parts: yesNo.optional(),
  organizationId: listOfIds.optional().meta({ description: 'One or several, separated by commas.' }),
  mailboxId: listOfIds.optional(),
  repositoryId: listOfIds.optional(),
  recoverable: yesNo.optional().meta({ description: '`false`: not what is in Recoverable Items.' }),
  asOf: searchInputSchema.shape.asOf,
  order: searchInputSchema.shape.order,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: searchInputSchema.shape.cursor,
});

/** An organization that is not in the catalog is told, rather than nothing found. @throws HoldfastError, InvalidInput */
async function checkScope(ports: ApiPorts, input: SearchInput): Promise<void> {
  const { organizations, mailboxes } = ports.collections;
  const wanted = new Map<string, Organization | undefined>();
  for (const [index, id] of (input.organizationIds ?? []).entries()) {
    const doc = (await organizations.get(id))?.doc;
    // Mail of an organization that was removed is still there to be found, where a repository is named.
    if (doc === undefined && input.repositoryIds === undefined) {
      const message = 'there is no such organization';
      throw new InvalidInput([{ field: `organizationIds.${index}`, message }]);
    }
    wanted.set(id, doc);
  }
  for (const id of (input.mailboxIds ?? []).slice(0, 100)) {
    const organizationId = (await mailboxes.get(id))?.doc.organizationId;
    if (organizationId !== undefined && !wanted.has(organizationId)) {
      wanted.set(organizationId, (await organizations.get(organizationId))?.doc);
    }
  }
  const named = [...wanted.values()].filter((one) => one !== undefined);
  if (named.length === 0 || named.some((one) => one.catalog !== false)) return;
  throw new HoldfastError('catalog-off', 'configuration', `${named[0]?.name} is not in the catalog`, {
    remedy: 'Switch it on with PUT /organizations/{organizationId}/catalog, or browse a restore point.',
  });
}

async function search(ports: ApiPorts, input: SearchInput) {
  await checkScope(ports, input);
  return { body: await ports.ask('searchCatalog', input, { timeoutMs: exploreTimeoutMs }) };
}

const description =
  'Words as people type them: word, "words side by side", begin*, *part*, *end, -not, from: to: subject: body: attachment:, has:attachment, kind:, after: before: larger: smaller: folder:. The answer says how far the catalog is behind.';
const responses = { 200: { description: 'A page', schema: searchPageSchema } };

const byWords = (ports: ApiPorts): Route =>
  route({
    ...{ method: 'get', path: '/search', operationId: 'search', tag, description, responses },
    summary: 'Find items by words',
    query: searchQuery,
    async handler({ query: { q, parts, organizationId, mailboxId, repositoryId, after, ...rest } }) {
      const input = {
        ...rest,
        ...(q === undefined ? {} : { query: q }),
        ...(parts === undefined ? {} : { parts }),
        ...(organizationId === undefined ? {} : { organizationIds: organizationId }),
        ...(mailboxId === undefined ? {} : { mailboxIds: mailboxId }),
        ...(repositoryId === undefined ? {} : { repositoryIds: repositoryId }),
        ...(after === undefined ? {} : { cursor: after }),
      };
      return search(ports, input);
    },
  });

const byFilters = (ports: ApiPorts): Route =>
  route({
    ...{ method: 'post', path: '/search', operationId: 'searchBy', tag, description, responses },
    summary: 'Find items by words, terms and filters',
    body: searchInputSchema,
    handler: ({ body }) => search(ports, body),
  });

export const searchRoutes = (ports: ApiPorts): Route[] => [byWords, byFilters].map((make) => make(ports));
