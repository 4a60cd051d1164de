import { JsonMembers, JsonText } from '../http/jsonText.ts';
import {
  type AttachmentInfo,
  type ContentProperties,
  type Correspondent,
  type Item,
  wholeMime,
} from '../mailbox/content.ts';
import { changeKey } from '../mailbox/ids.ts';
import { hashText } from '../random.ts';
import { graphTime } from '../timeText.ts';
import { type MailContext, messageId } from './context.ts';
import type { Expand } from './expand.ts';
import { extendedValue } from './extendedProperties.ts';
import { plainText } from './plainText.ts';

type Json = Record<string, unknown>;

const recipient = (person: Correspondent) => ({
  emailAddress: { name: person.name === '' ? person.address : person.name, address: person.address },
});

function preview(content: ContentProperties): string {
  const body = content.body();
  const text = body.text ?? plainText(body.html ?? '');
  return text.slice(0, 600).replaceAll(/\s+/g, ' ').trim().slice(0, 255);
}

function bodyJson(content: ContentProperties, asText: boolean): Json {
  const html = asText ? undefined : content.jsonBody?.('html');
  if (html !== undefined) return { contentType: 'html', content: new JsonText(html) };
  const text = content.jsonBody?.('text');
  if (text !== undefined) return { contentType: 'text', content: new JsonText(text) };
  const body = content.body();
  if (body.html !== null && !asText) return { contentType: 'html', content: body.html };
  return { contentType: 'text', content: body.text ?? plainText(body.html ?? '') };
}

function conversationIndex(conversation: string): Buffer {
  const bytes = Buffer.alloc(22, 1);
  bytes.writeUInt32BE(hashText(conversation), 2);
  bytes.writeUInt32BE(hashText(`index ${conversation}`), 6);
  return bytes;
}

interface Source {
  readonly context: MailContext;
  readonly item: Item;
  readonly content: ContentProperties;
}

const BUILDERS: Readonly<Record<string, (source: Source) => unknown>> = {
  createdDateTime: ({ item }) => graphTime(item.state.createdAt),
  lastModifiedDateTime: ({ item }) => graphTime(item.state.modifiedAt),
  changeKey: ({ item }) => changeKey(item.n, item.state.version),
  categories: ({ item }) => item.state.categories,
  receivedDateTime: ({ item }) => graphTime(item.state.receivedAt),
  sentDateTime: ({ item, content }) => graphTime(content.sentAt ?? item.state.receivedAt),
  hasAttachments: ({ content }) => content.attachments.some((one) => !one.isInline),
  internetMessageId: ({ content }) => content.internetMessageId,
  subject: ({ content }) => content.subject,
  bodyPreview: ({ content }) => preview(content),
  importance: ({ item }) => item.state.importance,
  parentFolderId: ({ context, item }) => context.mailbox.ids.folder(item.folder),
  conversationId: ({ content }) => `AAQkAD${conversationIndex(content.conversation).toString('base64url')}==`,
  conversationIndex: ({ content }) => conversationIndex(content.conversation).toString('base64'),
  isDeliveryReceiptRequested: ({ item }) => item.state.isDeliveryReceiptRequested,
  isReadReceiptRequested: ({ item }) => item.state.isReadReceiptRequested,
  isRead: ({ item }) => item.state.isRead,
  isDraft: ({ item }) => item.state.isDraft,
  webLink: ({ context, item }) =>
    `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(messageId(context, item))}&exvsurl=1&viewmodel=ReadMessageItem`,
  inferenceClassification: ({ item }) => item.state.inferenceClassification,
  body: ({ context, content }) => bodyJson(content, context.request.prefer.textBody),
  sender: ({ content }) => (content.sender ? recipient(content.sender) : null),
  from: ({ content }) => (content.from ? recipient(content.from) : null),
  toRecipients: ({ content }) => content.to.map(recipient),
  ccRecipients: ({ content }) => content.cc.map(recipient),
  bccRecipients: ({ content }) => content.bcc.map(recipient),
  replyTo: ({ content }) => content.replyTo.map(recipient),
  flag: ({ item }) => item.state.flag,
  internetMessageHeaders: ({ content }) => content.headers(),
  uniqueBody: ({ context, content }) => bodyJson(content, context.request.prefer.textBody),
};
const ON_SELECT_ONLY = new Set(['internetMessageHeaders', 'uniqueBody']);
/** What an answer without `$select` holds. */
export const DEFAULT_MESSAGE = Object.keys(BUILDERS).filter((name) => !ON_SELECT_ONLY.has(name));

/** Properties that `Mail.ReadBasic.All` does not show. */
const NOT_BASIC = new Set(['body', 'bodyPreview', 'uniqueBody', 'internetMessageHeaders']);

/** What of a message is wanted: the selected properties (all default ones without a selection), and what goes with it. */
export interface Wanted {
  readonly select: readonly string[] | undefined;
  readonly expand: Expand;
  /** Without what `Mail.ReadBasic.All` does not show. */
  readonly basic: boolean;
}

type Put = (name: string, value: unknown) => void;

async function putMessage(context: MailContext, item: Item, wanted: Wanted, put: Put): Promise<void> {
  const { select, expand, basic } = wanted;
  const loaded = item.content.properties();
  const content = loaded instanceof Promise ? await loaded : loaded;
  const source = { context, item, content };
  put('@odata.etag', `W/"${changeKey(item.n, item.state.version)}"`);
  put('id', messageId(context, item));
  for (const name of select ?? DEFAULT_MESSAGE) {
    const build = BUILDERS[name];
    if (build && !(basic && NOT_BASIC.has(name))) put(name, build(source));
  }
  if (expand.extended.length > 0 && !basic) {
    const found = extendedOf(source, expand.extended);
    if (found.length > 0) put('singleValueExtendedProperties', found);
  }
  if (expand.attachments && !basic) {
    const all = content.attachments.map((info) =>
      attachmentJson(context, item, info, expand.attachmentSelect),
    );
    put('attachments', await Promise.all(all));
  }
}

/** A message as JSON. */
export async function messageJson(context: MailContext, item: Item, wanted: Wanted): Promise<Json> {
  const json: Json = {};
  await putMessage(context, item, wanted, (name, value) => {
    json[name] = value;
  });
  return json;
}

/** The same as text, for pages of many messages. `type` adds the name of the type. */
export async function messageText(
  context: MailContext,
  item: Item,
  wanted: Wanted,
  type?: string,
): Promise<JsonText> {
  const members = new JsonMembers();
  members.add('@odata.type', type);
  await putMessage(context, item, wanted, (name, value) => members.add(name, value));
  return members.end();
}

function extendedOf(source: Source, ids: readonly string[]): { id: string; value: string }[] {
  const length = () => wholeMime(source.item.content.mime()).length;
  return ids.flatMap((id) => {
    const value = extendedValue(source.item, source.content, id, length);
    return value === undefined ? [] : [{ id, value }];
  });
}

/** An attachment as JSON; contents of a file come with it unless a selection leaves them out. */
export async function attachmentJson(
  context: MailContext,
  item: Item,
  info: AttachmentInfo,
  select?: readonly string[],
): Promise<Json> {
  const wants = (name: string) => select === undefined || select.includes(name);
  const type =
    info.kind === 'file' ? 'fileAttachment' : info.kind === 'item' ? 'itemAttachment' : 'referenceAttachment';
  const json: Json = {
    '@odata.type': `#microsoft.graph.${type}`,
    id: context.mailbox.ids.attachment(item.n, item.moves, info.ordinal, context.request.prefer.immutableIds),
  };
  if (info.kind === 'file') json['@odata.mediaContentType'] = info.contentType ?? 'application/octet-stream';
  const plain: Json = {
    lastModifiedDateTime: graphTime(item.state.modifiedAt),
    name: info.name,
    contentType: info.contentType,
    size: info.size,
    isInline: info.isInline,
  };
  for (const [name, value] of Object.entries(plain)) if (wants(name)) json[name] = value;
  if (info.kind !== 'file') return json;
  if (wants('contentId')) json.contentId = info.contentId;
  if (wants('contentLocation')) json.contentLocation = info.contentLocation;
  if (wants('contentBytes'))
    json.contentBytes = (await item.content.attachmentBytes(info.ordinal)).toString('base64');
  return json;
}
