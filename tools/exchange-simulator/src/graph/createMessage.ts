import type { Reply } from '../http/reply.ts';
import {
  type Correspondent,
  type FollowupFlag,
  type Item,
  type ItemState,
  wholeMime,
} from '../mailbox/content.ts';
import { type CreatedAttachment, CreatedContent, type CreatedMessage } from '../mailbox/createdContent.ts';
import { arrivingState } from '../mailbox/generatedBase.ts';
import { headerEnd } from '../mailbox/headerLines.ts';
import { type Folder, isRecoverable } from '../mailbox/mailbox.ts';
import { MimeContent } from '../mailbox/mimeContent.ts';
import { hashText } from '../random.ts';
import { type MailContext, messageId, userPath } from './context.ts';
import { accessDenied, badRequest, refuseWhenFull } from './errors.ts';
import { DELIVERY_TIME, MESSAGE_FLAGS, readExtended, SUBMIT_TIME } from './extendedProperties.ts';
import { messageReply } from './messages.ts';
import { jsonBody } from './request.ts';
import { checkBody, FILE_ATTACHMENT, ITEM_ATTACHMENT, MESSAGE } from './schema.ts';

type Json = Record<string, unknown>;
const UNSENT = 0x8;
const READ = 0x1;

/** `POST .../messages`: JSON makes what the body says, MIME always makes a draft. */
export async function createMessage(context: MailContext, folder: Folder): Promise<Reply> {
  refuseWhenFull(context);
  if (folder.isSearchFolder)
    throw badRequest('Items cannot be created in a search folder.', 'ErrorCreateItemAccessDenied');
  if (isRecoverable(folder)) throw accessDenied();
  const type = context.request.headers['content-type'] ?? '';
  const item = /^text\/plain\b/i.test(type)
    ? await createFromMime(context, folder)
    : createFromJson(context, folder);
  const reply = await messageReply(context, item, 201);
  return {
    ...reply,
    headers: { ...reply.headers, location: `${userPath(context)}/messages/${messageId(context, item)}` },
  };
}

async function createFromMime(context: MailContext, folder: Folder): Promise<Item> {
  const text = context.request.body.toString('latin1').replaceAll(/[\r\n]/g, '');
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw badRequest('Invalid base64 string for MIME content.', 'ErrorMimeContentInvalidBase64String');
  }
  const mime = Buffer.from(text, 'base64');
  if (headerEnd(mime) === 0 || !/^[!-9;-~]+:/.test(mime.toString('latin1', 0, 1000))) {
    throw badRequest('Property MimeContent is not valid.', 'ErrorMimeContentInvalid');
  }
  return createMime(context, folder, mime, { isDraft: true, isRead: true });
}

/** Puts MIME bytes into a folder as a message that arrives now. */
export async function createMime(
  context: Pick<MailContext, 'state' | 'mailbox'>,
  folder: Folder,
  mime: Buffer,
  state: Partial<ItemState>,
): Promise<Item> {
  const { spool, clock } = context.state;
  const range = spool.append(mime);
  const content = new MimeContent(() => spool.read(range));
  const properties = await content.properties();
  const now = wholeSecond(clock.now());
  return context.mailbox.create(
    folder.number,
    content,
    { ...arrivingState(now, properties.importance, false), ...state },
    properties.internetMessageId,
  );
}

const wholeSecond = (at: number) => Math.floor(at / 1000) * 1000;

function createFromJson(context: MailContext, folder: Folder): Item {
  const body = jsonBody(context.request);
  checkBody(body, MESSAGE, 'message');
  const now = wholeSecond(context.state.clock.now());
  const extended = readExtended(body.singleValueExtendedProperties);
  const flags = extended.get(MESSAGE_FLAGS);
  const isDraft = flags === undefined || (Number(flags) & UNSENT) !== 0;
  const receivedAt = wholeSecond(readTime(extended.get(DELIVERY_TIME)) ?? now);
  const message = createdMessage(context, body, wholeSecond(readTime(extended.get(SUBMIT_TIME)) ?? now));
  const isRead = typeof body.isRead === 'boolean' ? body.isRead : isDraft || (Number(flags) & READ) !== 0;
  const state: ItemState = {
    ...arrivingState(now, message.importance, isRead),
    ...readState(body),
    isRead,
    isDraft,
    receivedAt,
    extended,
  };
  return context.mailbox.create(
    folder.number,
    new CreatedContent(context.state.spool, message),
    state,
    message.internetMessageId,
  );
}

function readTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw badRequest(
      `The value '${text}' is not a valid time for an extended property.`,
      'ErrorInvalidExtendedPropertyValue',
    );
  return time;
}

/** State properties that a body sets. */
export function readState(body: Json): Partial<ItemState> {
  return {
    ...(typeof body.isRead === 'boolean' ? { isRead: body.isRead } : {}),
    ...(Array.isArray(body.categories) ? { categories: body.categories as string[] } : {}),
    ...(typeof body.importance === 'string'
      ? { importance: body.importance as ItemState['importance'] }
      : {}),
    ...(typeof body.inferenceClassification === 'string'
      ? { inferenceClassification: body.inferenceClassification as ItemState['inferenceClassification'] }
      : {}),
    ...(typeof body.isReadReceiptRequested === 'boolean'
      ? { isReadReceiptRequested: body.isReadReceiptRequested }
      : {}),
    ...(typeof body.isDeliveryReceiptRequested === 'boolean'
      ? { isDeliveryReceiptRequested: body.isDeliveryReceiptRequested }
      : {}),
    ...(body.flag ? { flag: readFlag(body.flag as Json) } : {}),
  };
}

function readFlag(flag: Json): FollowupFlag {
  const status = String(flag.flagStatus ?? 'flagged') as FollowupFlag['flagStatus'];
  if (flag.dueDateTime && !flag.startDateTime)
    throw badRequest('A due date needs a start date.', 'ErrorInvalidProperty');
  const time = (name: string) => {
    const value = flag[name] as { dateTime: string; timeZone?: string } | undefined;
    return value ? { [name]: { dateTime: value.dateTime, timeZone: value.timeZone ?? 'UTC' } } : {};
  };
  if (status === 'notFlagged') return { flagStatus: status };
  if (status === 'complete') return { flagStatus: status, ...time('completedDateTime') };
  return { flagStatus: status, ...time('startDateTime'), ...time('dueDateTime') };
}

const person = (value: unknown): Correspondent | null => {
  const email = (
    value as { emailAddress?: { name?: string | null; address?: string | null } | null } | null | undefined
  )?.emailAddress;
  return email ? { name: email.name ?? '', address: email.address ?? '' } : null;
};
const list = (value: unknown): Correspondent[] =>
  Array.isArray(value) ? value.map(person).filter((one) => one !== null) : [];

/** Reads the content properties of a JSON message; what is read-only on the service is ignored, as it does. */
export function createdMessage(
  context: Pick<MailContext, 'state' | 'mailbox'>,
  body: Json,
  sentAt: number,
): CreatedMessage {
  const from = person(body.from);
  const id =
    typeof body.internetMessageId === 'string' && body.internetMessageId !== ''
      ? body.internetMessageId
      : undefined;
  const internetMessageId =
    id ??
    `<${hashText(`${context.mailbox.sequence} ${sentAt} ${JSON.stringify(body.subject)}`).toString(16)}.${context.mailbox.sequence}@simulator.outlook.example>`;
  const content = body.body as { contentType?: string; content?: string } | null | undefined;
  return {
    subject: String(body.subject ?? ''),
    from,
    sender: person(body.sender) ?? from,
    to: list(body.toRecipients),
    cc: list(body.ccRecipients),
    bcc: list(body.bccRecipients),
    replyTo: list(body.replyTo),
    internetMessageId,
    headers: readHeaders(body.internetMessageHeaders),
    sentAt,
    bodyType: content?.contentType?.toLowerCase() === 'html' ? 'html' : 'text',
    body: content?.content ?? '',
    conversation: `created ${internetMessageId}`,
    importance: (body.importance as ItemState['importance'] | undefined) ?? 'normal',
    isReadReceiptRequested: body.isReadReceiptRequested === true,
    isDeliveryReceiptRequested: body.isDeliveryReceiptRequested === true,
    attachments: Array.isArray(body.attachments)
      ? body.attachments.map((one, ordinal) => createdAttachment(context, one as Json, ordinal))
      : [],
  };
}

function readHeaders(value: unknown): { name: string; value: string }[] {
  if (!Array.isArray(value)) return [];
  const headers = value as { name: string; value: string | null }[];
  if (headers.length > 5)
    throw badRequest(
      'Maximum number of headers in one message should be less than or equal to 5.',
      'InvalidInternetMessageHeaderCollection',
    );
  return headers.map(({ name, value: text }) => {
    if (!/^x-[!-9;-~]+$/i.test(name))
      throw badRequest(
        `The internet message header name '${name}' should start with 'x-' or 'X-'.`,
        'InvalidInternetMessageHeader',
      );
    return { name, value: text ?? '' };
  });
}

const NESTED_READ_ONLY = ['hasAttachments', 'parentFolderId', 'internetMessageHeaders', 'isDraft'];

/** Reads one attachment of a body. Throws 400 for what Graph would not take. */
export function createdAttachment(
  context: Pick<MailContext, 'state' | 'mailbox'>,
  value: Json,
  ordinal: number,
): CreatedAttachment {
  const type = value['@odata.type'];
  const name = value.name;
  if (typeof name !== 'string' || name === '')
    throw badRequest(
      'The required property Name is missing on the attachment.',
      'ErrorRequiredPropertyMissing',
    );
  const common = { ordinal, name, isInline: value.isInline === true, contentLocation: null };
  if (type === '#microsoft.graph.fileAttachment') {
    checkBody(value, FILE_ATTACHMENT, 'fileAttachment');
    if (typeof value.contentBytes !== 'string')
      throw badRequest('The required property ContentBytes is missing.', 'ErrorRequiredPropertyMissing');
    const bytes = Buffer.from(value.contentBytes, 'base64');
    const contentId = typeof value.contentId === 'string' ? value.contentId : null;
    const contentType =
      typeof value.contentType === 'string' ? value.contentType : 'application/octet-stream';
    return {
      ...common,
      kind: 'file',
      contentType,
      contentId,
      size: bytes.length,
      ranges: [context.state.spool.append(bytes)],
    };
  }
  if (type !== '#microsoft.graph.itemAttachment')
    throw badRequest(`Attachments of type '${String(type)}' cannot be created here.`, 'RequestBodyRead');
  checkBody(value, ITEM_ATTACHMENT, 'itemAttachment');
  const item = value.item as Json | undefined;
  if (item?.['@odata.type'] !== '#microsoft.graph.message')
    throw badRequest(
      'An attached item needs @odata.type #microsoft.graph.message (the simulator takes no other).',
      'RequestBodyRead',
    );
  checkBody(item, MESSAGE, 'message');
  for (const key of NESTED_READ_ONLY)
    if (key in item)
      throw badRequest(`The property '${key}' cannot be set on an attached item.`, 'ErrorInvalidPropertySet');
  const nested = new CreatedContent(context.state.spool, createdMessage(context, item, 0));
  const range = context.state.spool.append(wholeMime(nested.mime()));
  return {
    ...common,
    kind: 'item',
    contentType: null,
    contentId: null,
    size: range.length,
    ranges: [range],
    item,
  };
}
