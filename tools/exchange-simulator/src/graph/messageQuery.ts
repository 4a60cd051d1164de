import type { Item } from '../mailbox/content.ts';
import type { Folder } from '../mailbox/mailbox.ts';
import { RECOVERABLE_DELETIONS } from '../mailbox/mailbox.ts';
import type { MailContext } from './context.ts';
import { badRequest, GraphError } from './errors.ts';
import { NO_EXPAND } from './expand.ts';
import { canonicalPropertyId, extendedValue } from './extendedProperties.ts';
import { conjuncts, type Filter, filterPaths, parseFilter, passes } from './filter.ts';
import { messageJson } from './messageJson.ts';

/** A list of messages that can be paged. */
export interface MessageQuery {
  count(): Promise<number>;
  page(skip: number, take: number): Promise<{ items: Item[]; more: boolean }>;
}

const FILTERABLE = new Set([
  'receivedDateTime',
  'sentDateTime',
  'createdDateTime',
  'lastModifiedDateTime',
  'internetMessageId',
  'subject',
  'isRead',
  'isDraft',
  'hasAttachments',
  'importance',
  'conversationId',
  'categories',
  'singleValueExtendedProperties',
  'from',
  'sender',
  'flag',
  'inferenceClassification',
  'parentFolderId',
  'id',
]);

/** Reads `$orderby`: the direction of receivedDateTime, the only order that the simulator serves. */
function readOrder(text: string | undefined, filter: Filter | undefined): 'desc' | 'asc' {
  if (text === undefined) return 'desc';
  const [, path, direction] = /^\s*([\w/]+)(?:\s+(asc|desc))?\s*$/i.exec(text) ?? [];
  if (path !== 'receivedDateTime')
    throw badRequest(
      `The simulator orders by receivedDateTime only, not by '${text}'.`,
      'ErrorInvalidUrlQuery',
    );
  if (filter && !filterPaths(filter).includes('receivedDateTime')) {
    throw badRequest('The restriction or sort order is too complex for this operation.', 'InefficientFilter');
  }
  return direction?.toLowerCase() === 'desc' ? 'desc' : 'asc';
}

function readMessageFilter(text: string | undefined): Filter | undefined {
  if (text === undefined) return undefined;
  const filter = parseFilter(text);
  for (const path of filterPaths(filter)) {
    const root = path.split('/')[0] ?? '';
    if (!FILTERABLE.has(root))
      throw badRequest(
        `Could not find a property named '${root}' on type 'microsoft.graph.message'.`,
        'RequestBroker--ParseUri',
      );
  }
  return filter;
}

/** Messages of one folder, or of the whole mailbox without one, as a request asks for them. */
export function messageQuery(context: MailContext, folder: Folder | undefined): MessageQuery {
  const query = context.request.query;
  const filter = readMessageFilter(query.get('$filter'));
  const order = readOrder(query.get('$orderby'), filter);
  const parts = filter ? conjuncts(filter) : [];
  const candidates = narrowed(context, folder, parts);
  if (candidates) return listQuery(candidates, parts, context, order);
  const ranged = folder ? rangeQuery(context, folder, parts, order) : undefined;
  if (ranged && ranged.rest.length === 0) return ranged.query;
  const source = ranged?.query ?? wholeMailbox(context, order);
  return scanQuery(source, ranged?.rest ?? parts, context);
}

/** Few candidates instead of a scan, where the filter names an internet message id or a client's own property. */
function narrowed(
  context: MailContext,
  folder: Folder | undefined,
  parts: readonly Filter[],
): Item[] | undefined {
  const inFolder = (item: Item) => (folder ? item.folder === folder.number : true);
  for (const part of parts) {
    if (part.op === 'compare' && part.path === 'internetMessageId' && part.by === 'eq') {
      return context.mailbox.findByMessageId(String(part.value)).filter(inFolder);
    }
    const wanted = extendedCondition(part);
    if (wanted && !/ 0x(e07|e06|39|1a|37|1035|e08|7d)$/.test(wanted.id)) {
      return [...context.mailbox.changedItems()].filter(
        (item) => inFolder(item) && item.state.extended.has(wanted.id),
      );
    }
  }
  return undefined;
}

/** `singleValueExtendedProperties/any(ep: ep/id eq 'x' and ep/value eq 'y')`. */
function extendedCondition(part: Filter): { id: string; value: string } | undefined {
  if (part.op !== 'any' || part.path !== 'singleValueExtendedProperties') return undefined;
  const inner = conjuncts(part.inner);
  const find = (name: string) =>
    inner.find((one) => one.op === 'compare' && one.by === 'eq' && one.path === `${part.variable}/${name}`);
  const id = find('id');
  const value = find('value');
  if (id?.op !== 'compare' || value?.op !== 'compare')
    throw badRequest('A filter on extended properties must name id and value.', 'ErrorInvalidUrlQueryFilter');
  return { id: canonicalPropertyId(String(id.value)), value: String(value.value) };
}

async function matches(context: MailContext, item: Item, parts: readonly Filter[]): Promise<boolean> {
  for (const part of parts) {
    const extended = extendedCondition(part);
    if (extended) {
      const content = await item.content.properties();
      const found = extendedValue(item, content, extended.id, () => item.content.mime().length);
      if (found !== extended.value) return false;
      continue;
    }
    const roots = filterPaths(part).map((path) => path.split('/')[0] ?? '');
    if (!passes(part, await messageJson(context, item, { select: roots, expand: NO_EXPAND, basic: false })))
      return false;
  }
  return true;
}

function listQuery(
  candidates: Item[],
  parts: readonly Filter[],
  context: MailContext,
  order: 'asc' | 'desc',
): MessageQuery {
  const result = (async () => {
    const found: Item[] = [];
    for (const item of candidates) if (await matches(context, item, parts)) found.push(item);
    const sign = order === 'desc' ? 1 : -1;
    return found.sort((a, b) => sign * (b.state.receivedAt - a.state.receivedAt));
  })();
  return {
    count: async () => (await result).length,
    page: async (skip, take) => ({
      items: (await result).slice(skip, skip + take),
      more: (await result).length > skip + take,
    }),
  };
}

/** A run of a folder between two times: any page costs the same. */
function rangeQuery(
  context: MailContext,
  folder: Folder,
  parts: readonly Filter[],
  order: 'asc' | 'desc',
): { query: MessageQuery; rest: Filter[] } {
  const contents = context.mailbox.contents(folder.number);
  let from = 0;
  let to = contents.count;
  const rest: Filter[] = [];
  for (const part of parts) {
    if (part.op !== 'compare' || part.path !== 'receivedDateTime' || part.by === 'ne') {
      rest.push(part);
      continue;
    }
    const time = Date.parse(String(part.value));
    if (Number.isNaN(time))
      throw badRequest(
        `Invalid filter clause: '${String(part.value)}' is no time.`,
        'ErrorInvalidUrlQueryFilter',
      );
    // Graph shows whole seconds, so a message matches by the second it arrived in.
    if (part.by === 'ge') to = Math.min(to, contents.newerThan(time, true));
    if (part.by === 'gt') to = Math.min(to, contents.newerThan(time + 999, false));
    if (part.by === 'le') from = Math.max(from, contents.newerThan(time + 999, false));
    if (part.by === 'lt') from = Math.max(from, contents.newerThan(time, true));
    if (part.by === 'eq') {
      to = Math.min(to, contents.newerThan(time, true));
      from = Math.max(from, contents.newerThan(time + 999, false));
    }
  }
  const length = Math.max(0, to - from);
  const query: MessageQuery = {
    count: async () => length,
    async page(skip, take) {
      const end = Math.min(length, skip + take);
      const items: Item[] = [];
      for (let at = skip; at < end; at++) {
        const item = context.mailbox.item(contents.at(order === 'desc' ? from + at : from + length - 1 - at));
        if (item) items.push(item);
      }
      return { items, more: end < length };
    },
  };
  return { query, rest };
}

function scanQuery(source: MessageQuery, parts: readonly Filter[], context: MailContext): MessageQuery {
  async function* all(): AsyncGenerator<Item> {
    for (let skip = 0; ; skip += 200) {
      const { items, more } = await source.page(skip, 200);
      for (const item of items) if (await matches(context, item, parts)) yield item;
      if (!more) return;
    }
  }
  return {
    async count() {
      let count = 0;
      for await (const _ of all()) count++;
      return count;
    },
    async page(skip, take) {
      const items: Item[] = [];
      let at = 0;
      for await (const item of all()) {
        if (at++ < skip) continue;
        if (items.length === take) return { items, more: true };
        items.push(item);
      }
      return { items, more: false };
    },
  };
}

/** All folders merged by time, without what is in Recoverable Items. */
function wholeMailbox(context: MailContext, order: 'asc' | 'desc'): MessageQuery {
  if (order === 'asc')
    throw new GraphError(501, 'NotImplemented', 'The simulator lists a whole mailbox newest first only.');
  const { mailbox } = context;
  const folders = [...mailbox.allFolders()].filter(
    (folder) => (!folder.isSearchFolder && folder.number < RECOVERABLE_DELETIONS) || folder.number > 12,
  );
  const query: MessageQuery = {
    count: async () => folders.reduce((sum, folder) => sum + mailbox.totalCount(folder.number), 0),
    async page(skip, take) {
      const heads = folders.map((folder) => ({ contents: mailbox.contents(folder.number), rank: 0 }));
      const items: Item[] = [];
      for (let at = 0; at < skip + take; at++) {
        let newest: { head: (typeof heads)[number]; item: Item } | undefined;
        for (const head of heads) {
          if (head.rank >= head.contents.count) continue;
          const item = mailbox.item(head.contents.at(head.rank));
          if (item && (!newest || item.state.receivedAt > newest.item.state.receivedAt))
            newest = { head, item };
        }
        if (!newest) return { items, more: false };
        newest.head.rank++;
        if (at >= skip) items.push(newest.item);
      }
      return { items, more: heads.some((head) => head.rank < head.contents.count) };
    },
  };
  return query;
}
