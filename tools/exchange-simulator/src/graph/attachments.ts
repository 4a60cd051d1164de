import type { Reply } from '../http/reply.ts';
import type { AttachmentInfo, Item } from '../mailbox/content.ts';
import { CreatedContent } from '../mailbox/createdContent.ts';
import { arrivingState } from '../mailbox/generatedBase.ts';
import { MimeContent } from '../mailbox/mimeContent.ts';
import { type MailContext, userPath } from './context.ts';
import { createdAttachment } from './createMessage.ts';
import {
  badRequest,
  GraphError,
  itemNotFound,
  malformedId,
  methodNotAllowed,
  refuseWhenFull,
} from './errors.ts';
import { NO_EXPAND } from './expand.ts';
import { attachmentJson, messageJson } from './messageJson.ts';
import { readPage, requestPath, skipLink } from './paging.ts';
import { allowQuery, jsonBody } from './request.ts';
import { FILE_ATTACHMENT, ITEM_ATTACHMENT, readSelect } from './schema.ts';
import { asCreated } from './updateMessage.ts';

const ALL = { ...FILE_ATTACHMENT, ...ITEM_ATTACHMENT };
const MINIMUM_SESSION = 3 * 1024 * 1024;
const MAXIMUM_SESSION = 150 * 1024 * 1024;

/** The attachment with an id. Throws 404 when the message does not have it. */
export async function attachmentOf(context: MailContext, item: Item, id: string): Promise<AttachmentInfo> {
  const decoded = context.mailbox.ids.decode(id);
  if (decoded === undefined || decoded === 'foreign' || decoded.kind !== 'attachment') throw malformedId();
  const content = await item.content.properties();
  const info = content.attachments.find((one) => one.ordinal === decoded.ordinal);
  if (!info || decoded.n !== item.n) throw itemNotFound();
  return info;
}

function wantsItem(expand: string | undefined): boolean {
  if (expand === undefined) return false;
  if (!/^microsoft\.graph\.itemattachment\/item$/i.test(expand.trim()))
    throw badRequest(`'${expand}' cannot be expanded on an attachment.`, 'RequestBroker--ParseUri');
  return true;
}

/** The message inside an attached item, as JSON without the properties of a stored one. */
async function nestedItem(
  context: MailContext,
  item: Item,
  info: AttachmentInfo,
): Promise<Record<string, unknown>> {
  const bytes = await item.content.attachmentBytes(info.ordinal);
  const content = new MimeContent(() => bytes);
  const nested: Item = {
    n: item.n,
    folder: item.folder,
    moves: item.moves,
    content,
    state: { ...arrivingState(item.state.receivedAt, 'normal', true) },
  };
  const {
    id: _,
    '@odata.etag': __,
    parentFolderId: ___,
    changeKey: ____,
    webLink: _____,
    ...json
  } = await messageJson(context, nested, { select: undefined, expand: NO_EXPAND, basic: false });
  return { '@odata.type': '#microsoft.graph.message', id: '', ...json };
}

async function fullJson(
  context: MailContext,
  item: Item,
  info: AttachmentInfo,
  select: readonly string[] | undefined,
  expanded: boolean,
) {
  const json = await attachmentJson(context, item, info, select);
  if (expanded && info.kind === 'item') json.item = await nestedItem(context, item, info);
  return json;
}

export async function listAttachments(context: MailContext, item: Item): Promise<Reply> {
  const { request } = context;
  allowQuery(request, '$select', '$top', '$skip', '$expand', '$count');
  const select = readSelect(request.query.get('$select'), ALL, 'attachment');
  const expanded = wantsItem(request.query.get('$expand'));
  const all = (await item.content.properties()).attachments;
  const limits = context.state.limits;
  const { skip, take } =
    request.query.has('$top') || request.prefer.maxPageSize
      ? readPage(request, limits.maxPageSize)
      : { ...readPage(request, limits.maxPageSize), take: 100 };
  const value = [];
  for (const info of all.slice(skip, skip + take))
    value.push(await fullJson(context, item, info, select, expanded));
  return {
    status: 200,
    json: {
      '@odata.context': `${request.root}/$metadata#users('${context.user.id}')/messages('${encodeURIComponent(context.mailbox.ids.message(item.n, item.moves, request.prefer.immutableIds))}')/attachments`,
      ...(request.query.get('$count') === 'true' ? { '@odata.count': all.length } : {}),
      ...(skip + take < all.length
        ? { '@odata.nextLink': skipLink(request, requestPath(request), skip + take) }
        : {}),
      value,
    },
  };
}

export async function getAttachment(context: MailContext, item: Item, info: AttachmentInfo): Promise<Reply> {
  const { request } = context;
  allowQuery(request, '$select', '$expand');
  const select = readSelect(request.query.get('$select'), ALL, 'attachment');
  const json = await fullJson(context, item, info, select, wantsItem(request.query.get('$expand')));
  return {
    status: 200,
    json: {
      '@odata.context': `${request.root}/$metadata#users('${context.user.id}')/messages('x')/attachments/$entity`,
      ...json,
    },
  };
}

/** `GET .../attachments/{id}/$value`: the file's bytes, or the MIME of an attached message. */
export async function attachmentValue(
  context: MailContext,
  item: Item,
  info: AttachmentInfo,
): Promise<Reply> {
  allowQuery(context.request);
  if (info.kind === 'reference') throw methodNotAllowed('GET');
  const bytes = await item.content.attachmentBytes(info.ordinal);
  return {
    status: 200,
    headers: {
      'content-type': info.kind === 'item' ? 'text/plain' : (info.contentType ?? 'application/octet-stream'),
    },
    bytes,
  };
}

/** Next free ordinal of a message's attachments. */
export const nextOrdinal = (infos: readonly AttachmentInfo[]) =>
  infos.reduce((highest, one) => Math.max(highest, one.ordinal + 1), 0);

export async function addAttachment(context: MailContext, item: Item): Promise<Reply> {
  refuseWhenFull(context);
  allowQuery(context.request);
  const body = jsonBody(context.request);
  const before = await asCreated(context, item);
  const created = createdAttachment(context, body, nextOrdinal(before.attachments));
  if (created.size >= MINIMUM_SESSION)
    throw new GraphError(
      413,
      'ErrorMessageSizeExceeded',
      'The attachment is too large for this request: use an upload session.',
    );
  const content = new CreatedContent(context.state.spool, {
    ...before,
    attachments: [...before.attachments, created],
  });
  const changed = context.mailbox.change(item.n, context.state.clock.now(), { content }) ?? item;
  const json = await attachmentJson(context, changed, created);
  return {
    status: 201,
    headers: { location: `${userPath(context)}/messages/x/attachments/${String(json.id)}` },
    json,
  };
}

export async function deleteAttachment(
  context: MailContext,
  item: Item,
  info: AttachmentInfo,
): Promise<Reply> {
  const before = await asCreated(context, item);
  const content = new CreatedContent(context.state.spool, {
    ...before,
    attachments: before.attachments.filter((one) => one.ordinal !== info.ordinal),
  });
  context.mailbox.change(item.n, context.state.clock.now(), { content });
  return { status: 204 };
}

/** `POST .../attachments/createUploadSession`, for files of 3 to 150 MB. */
export function createUploadSession(context: MailContext, item: Item): Reply {
  refuseWhenFull(context);
  const body = jsonBody(context.request);
  const given = (body.AttachmentItem ?? body.attachmentItem) as Record<string, unknown> | undefined;
  if (!given) throw badRequest('The parameter AttachmentItem is required.', 'ErrorInvalidParameter');
  for (const key of Object.keys(given)) {
    if (
      !['attachmentType', 'name', 'size', 'contentType', 'isInline', 'contentId'].includes(key) &&
      !key.startsWith('@')
    )
      throw badRequest(
        `The property '${key}' does not exist on type 'microsoft.graph.attachmentItem'.`,
        'RequestBodyRead',
      );
  }
  if (given.attachmentType !== 'file')
    throw badRequest('Upload sessions are for file attachments only.', 'ErrorInvalidParameter');
  if (typeof given.name !== 'string' || given.name === '')
    throw badRequest('The name is missing.', 'ErrorRequiredPropertyMissing');
  const size = Number(given.size);
  if (!Number.isInteger(size) || size < MINIMUM_SESSION)
    throw badRequest(
      'The attachment size should not be less than the minimum size of 3 MB.',
      'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize',
    );
  if (size > MAXIMUM_SESSION)
    throw new GraphError(413, 'ErrorAttachmentSizeLimitExceeded', 'The attachment is larger than 150 MB.');
  const { request } = context;
  const session = context.state.uploads.open({
    tenantId: request.tenant.tenantId,
    clientId: request.application.clientId,
    userId: context.user.id,
    n: item.n,
    size,
    name: given.name,
    contentType: typeof given.contentType === 'string' ? given.contentType : null,
    isInline: given.isInline === true,
    contentId: typeof given.contentId === 'string' ? given.contentId : null,
    immutable: request.prefer.immutableIds,
  });
  const root = new URL(request.root);
  if (context.state.uploadHost !== undefined) root.hostname = context.state.uploadHost;
  const message = context.mailbox.ids.message(item.n, item.moves, request.prefer.immutableIds);
  const path = `/api/gv1.0/users('${context.user.id}')/messages('${encodeURIComponent(message)}')/AttachmentSessions('${session.id}')`;
  return {
    status: 201,
    json: {
      '@odata.context': `${request.root}/$metadata#microsoft.graph.uploadSession`,
      uploadUrl: `${root.origin}${path}?authtoken=${session.secret}`,
      expirationDateTime: new Date(session.expiresAt).toISOString(),
      nextExpectedRanges: ['0-'],
    },
  };
}
