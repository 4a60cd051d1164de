import type { Reply } from '../http/reply.ts';
import type { Item } from '../mailbox/content.ts';
import { type Folder, RECOVERABLE_DELETIONS, RECOVERABLE_PURGES } from '../mailbox/mailbox.ts';
import { folderOf, type MailContext } from './context.ts';
import { badRequest, malformedId } from './errors.ts';
import { readExpand } from './expand.ts';
import { destinationId } from './folders.ts';
import { messageJson, messageText } from './messageJson.ts';
import { messageQuery } from './messageQuery.ts';
import { readPage, requestPath, skipLink } from './paging.ts';
import { allowQuery, jsonBody } from './request.ts';
import { MESSAGE, MESSAGE_NAVIGATION, readSelect } from './schema.ts';

/** By the list that `readSelect` has kept. */
const propertiesOf = new WeakMap<readonly string[], readonly string[]>();

/** Names selected of a message, each once; navigation properties need `$expand`. */
export function messageSelect(text: string | undefined): readonly string[] | undefined {
  const names = readSelect(text, MESSAGE, 'message');
  if (names === undefined) return undefined;
  let properties = propertiesOf.get(names);
  if (properties === undefined) {
    properties = [...new Set(names)].filter((name) => !MESSAGE_NAVIGATION.includes(name));
    propertiesOf.set(names, properties);
  }
  return properties;
}

/** `GET .../messages`, of a folder or of the whole mailbox. */
export async function listMessages(
  context: MailContext,
  folder: Folder | undefined,
  basic: boolean,
): Promise<Reply> {
  const { request } = context;
  allowQuery(
    request,
    '$select',
    '$top',
    '$skip',
    '$filter',
    '$orderby',
    '$expand',
    '$count',
    'includehiddenmessages',
  );
  const select = messageSelect(request.query.get('$select'));
  const expand = readExpand(request.query.get('$expand'));
  const { skip, take } = readPage(request, context.state.limits.maxPageSize);
  const query = messageQuery(context, folder);
  const { items, more } = await query.page(skip, take);
  const value = [];
  for (const item of items) value.push(await messageText(context, item, { select, expand, basic }));
  const place = folder
    ? `/mailFolders('${encodeURIComponent(context.mailbox.ids.folder(folder.number))}')`
    : '';
  const names = request.query.has('$select') ? `(${request.query.get('$select')})` : '';
  return {
    status: 200,
    json: {
      '@odata.context': `${request.root}/$metadata#users('${context.user.id}')${place}/messages${names}`,
      ...(request.query.get('$count') === 'true' ? { '@odata.count': await query.count() } : {}),
      ...(more ? { '@odata.nextLink': skipLink(request, requestPath(request), skip + take) } : {}),
      value,
    },
  };
}

/** A message as the answer to GET, POST or PATCH. */
export async function messageReply(
  context: MailContext,
  item: Item,
  status: number,
  basic = false,
): Promise<Reply> {
  const { request } = context;
  const read = status === 200 && request.method === 'GET';
  const select = read ? messageSelect(request.query.get('$select')) : undefined;
  const expand = readExpand(read ? request.query.get('$expand') : undefined);
  const json = await messageJson(context, item, { select, expand, basic });
  return {
    status,
    json: {
      '@odata.context': `${request.root}/$metadata#users('${context.user.id}')/messages/$entity`,
      ...json,
    },
  };
}

export function getMessage(context: MailContext, item: Item, basic: boolean): Promise<Reply> {
  allowQuery(context.request, '$select', '$expand');
  return messageReply(context, item, 200, basic);
}

/** `GET .../$value`: the MIME form. */
export function getMime(context: MailContext, item: Item): Reply {
  allowQuery(context.request);
  const mime = item.content.mime();
  const headers = { 'content-type': 'text/plain' };
  if ('bytes' in mime) return { status: 200, headers, bytes: mime.bytes };
  return { status: 200, headers, stream: mime };
}

export async function moveMessage(context: MailContext, item: Item): Promise<Reply> {
  const folder = folderOf(context, destinationId(context));
  if (folder.isSearchFolder)
    throw badRequest('Messages cannot be moved into a search folder.', 'ErrorMoveCopyFailed');
  const moved = context.mailbox.move(item.n, folder.number, context.state.clock.now());
  return messageReply(context, moved ?? item, 201);
}

/** DELETE puts a message into Recoverable Items; from there, and by permanentDelete, it goes to Purges. */
export function deleteMessage(context: MailContext, item: Item, permanently: boolean): Reply {
  const to =
    permanently || item.folder === RECOVERABLE_DELETIONS ? RECOVERABLE_PURGES : RECOVERABLE_DELETIONS;
  context.mailbox.move(item.n, to, context.state.clock.now());
  return { status: 204 };
}

const ID_TYPES = ['restId', 'restImmutableEntryId'];

/** `POST /translateExchangeIds`, between regular and immutable REST ids. */
export function translateIds(context: MailContext): Reply {
  const body = jsonBody(context.request);
  const ids = body.inputIds ?? body.InputIds;
  const source = body.sourceIdType ?? body.SourceIdType;
  const target = body.targetIdType ?? body.TargetIdType;
  if (!Array.isArray(ids) || ids.length > 1000 || !ids.every((id) => typeof id === 'string'))
    throw badRequest('inputIds must hold at most 1000 ids.', 'ErrorInvalidParameter');
  if (!ID_TYPES.includes(String(source)) || !ID_TYPES.includes(String(target)))
    throw badRequest(`The simulator translates ${ID_TYPES.join(' and ')} only.`, 'ErrorInvalidParameter');
  const value = ids.map((sourceId: string) => {
    const decoded = context.mailbox.ids.decode(sourceId);
    if (decoded === undefined || decoded === 'foreign' || decoded.kind !== 'message') {
      const { code, message } = malformedId();
      return { sourceId, errorDetails: { code, message } };
    }
    const item = context.mailbox.item(decoded.n);
    const moves = item?.moves ?? decoded.moves;
    return {
      sourceId,
      targetId: context.mailbox.ids.message(decoded.n, moves, target === 'restImmutableEntryId'),
    };
  });
  return {
    status: 200,
    json: {
      '@odata.context': `${context.request.root}/$metadata#Collection(microsoft.graph.convertIdResult)`,
      value,
    },
  };
}
