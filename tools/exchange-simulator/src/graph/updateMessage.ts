import type { Reply } from '../http/reply.ts';
import { type Content, type Item, wholeMime } from '../mailbox/content.ts';
import { CreatedContent, type CreatedMessage } from '../mailbox/createdContent.ts';
import type { MailContext } from './context.ts';
import { createdMessage, readState } from './createMessage.ts';
import { badRequest, GraphError } from './errors.ts';
import { MESSAGE_FLAGS, readExtended } from './extendedProperties.ts';
import { messageReply } from './messages.ts';
import { jsonBody } from './request.ts';
import { checkBody, MESSAGE } from './schema.ts';

const SENSITIVE = [
  'subject',
  'body',
  'internetMessageId',
  'replyTo',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'from',
  'sender',
];
const STATE = [
  'isRead',
  'categories',
  'flag',
  'importance',
  'inferenceClassification',
  'isDeliveryReceiptRequested',
  'isReadReceiptRequested',
  'singleValueExtendedProperties',
  'multiValueExtendedProperties',
];

/** `PATCH /messages/{id}`. Message flags (0x0E07) are read-only once a message is saved: they are ignored. */
export async function updateMessage(context: MailContext, item: Item): Promise<Reply> {
  const body = jsonBody(context.request);
  checkBody(body, MESSAGE, 'message');
  const names = Object.keys(body).filter((name) => !name.startsWith('@'));
  for (const name of names) {
    if (!SENSITIVE.includes(name) && !STATE.includes(name))
      throw badRequest(`The property '${name}' is read-only and cannot be set.`, 'ErrorInvalidPropertySet');
  }
  const sensitive = names.filter((name) => SENSITIVE.includes(name));
  if (sensitive.length > 0 && !item.state.isDraft) {
    const allowed =
      !context.state.mailAdvancedEnforcement || context.request.roles.has('Mail-Advanced.ReadWrite.All');
    if (!allowed)
      throw new GraphError(
        403,
        'ErrorAccessDenied',
        `The property '${sensitive[0]}' of a message that is no draft needs Mail-Advanced.ReadWrite.All.`,
      );
  }
  const extended = readExtended(body.singleValueExtendedProperties);
  extended.delete(MESSAGE_FLAGS);
  const merged = extended.size > 0 ? { extended: new Map([...item.state.extended, ...extended]) } : {};
  const content = sensitive.length > 0 ? await rewritten(context, item, body) : undefined;
  const changed = context.mailbox.change(item.n, context.state.clock.now(), {
    state: { ...readState(body), ...merged },
    ...(content ? { content } : {}),
  });
  return messageReply(context, changed ?? item, 200);
}

/** The message as one that was written by JSON, whatever it was before. */
export async function asCreated(
  context: Pick<MailContext, 'state' | 'mailbox'>,
  item: Item,
): Promise<CreatedMessage> {
  if (item.content instanceof CreatedContent) return item.content.message();
  const content = await item.content.properties();
  const body = content.body();
  const attachments = [];
  for (const info of content.attachments) {
    const bytes = await item.content.attachmentBytes(info.ordinal);
    attachments.push({ ...info, ranges: [context.state.spool.append(bytes)] });
  }
  return {
    ...content,
    headers: content.headers().filter((line) => /^x-/i.test(line.name)),
    sentAt: content.sentAt ?? item.state.receivedAt,
    bodyType: body.html === null ? 'text' : 'html',
    body: body.html ?? body.text ?? '',
    attachments,
  };
}

async function rewritten(context: MailContext, item: Item, body: Record<string, unknown>): Promise<Content> {
  const before = await asCreated(context, item);
  const given = createdMessage(context, { ...body, attachments: [] }, before.sentAt);
  const content = new CreatedContent(context.state.spool, {
    ...before,
    ...('subject' in body ? { subject: given.subject } : {}),
    ...('body' in body ? { body: given.body, bodyType: given.bodyType } : {}),
    ...('internetMessageId' in body ? { internetMessageId: given.internetMessageId } : {}),
    ...('from' in body ? { from: given.from } : {}),
    ...('sender' in body ? { sender: given.sender } : {}),
    ...('replyTo' in body ? { replyTo: given.replyTo } : {}),
    ...('toRecipients' in body ? { to: given.to } : {}),
    ...('ccRecipients' in body ? { cc: given.cc } : {}),
    ...('bccRecipients' in body ? { bcc: given.bcc } : {}),
  });
  wholeMime(content.mime());
  return content;
}
