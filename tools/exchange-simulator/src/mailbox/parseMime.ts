import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';
import { hashText } from '../random.ts';
import type { AttachmentInfo, ContentProperties, Correspondent } from './content.ts';
import { headerLines } from './headerLines.ts';

/** What a message file holds, as Graph would show it. */
export interface ParsedMime {
  readonly properties: ContentProperties;
  readonly attachments: readonly Buffer[];
}

const bytesOf = (attachment: Attachment): Buffer => {
  const { content } = attachment;
  if (typeof content === 'string')
    return Buffer.from(content, attachment.encoding === 'base64' ? 'base64' : 'utf8');
  return content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(new Uint8Array(content));
};

function people(addresses: readonly (Address | undefined)[] | undefined): Correspondent[] {
  return (addresses ?? []).flatMap((one) => {
    if (!one) return [];
    if (one.group) return people(one.group);
    return [{ name: one.name, address: one.address ?? '' }];
  });
}

/** A time that JavaScript can read, or null. */
function readDate(text: string | undefined): number | null {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? null : Math.floor(time / 1000) * 1000;
}

/** Subject inside an attached message, for its name. */
function nestedSubject(bytes: Buffer): string | undefined {
  return (
    headerLines(bytes)
      .find((line) => line.name.toLowerCase() === 'subject')
      ?.value.slice(0, 200) || undefined
  );
}

function attachmentInfo(attachment: Attachment, ordinal: number, bytes: Buffer): AttachmentInfo {
  const isItem = attachment.mimeType === 'message/rfc822';
  const contentId = attachment.contentId?.replaceAll(/^<|>$/g, '') ?? null;
  const fallback = isItem
    ? (nestedSubject(bytes) ?? 'Untitled')
    : `ATT${String(ordinal + 1).padStart(5, '0')}${/^text\//.test(attachment.mimeType) ? '.txt' : '.bin'}`;
  return {
    ordinal,
    kind: isItem ? 'item' : 'file',
    name: attachment.filename || fallback,
    contentType: isItem ? null : attachment.mimeType || 'application/octet-stream',
    size: bytes.length,
    isInline: attachment.related === true || (attachment.disposition === 'inline' && contentId !== null),
    contentId: isItem ? null : contentId,
    contentLocation: null,
  };
}

function propertiesOf(mime: Buffer, email: Email, attachments: readonly Buffer[]): ContentProperties {
  const header = (name: string) =>
    email.headers
      .find((one) => one.key === name)
      ?.value.trim()
      .toLowerCase();
  const from = people([email.from])[0] ?? null;
  const importance = header('importance') ?? { 1: 'high', 5: 'low' }[header('x-priority')?.charAt(0) ?? ''];
  const messageId =
    email.messageId?.trim() ||
    `<${hashText(mime.toString('latin1', 0, 4096)).toString(16)}.missing@simulator.invalid>`;
  const thread = email.references?.trim().split(/\s+/)[0] || email.inReplyTo?.trim() || messageId;
  return {
    subject: email.subject ?? '',
    from,
    sender: people([email.sender])[0] ?? from,
    to: people(email.to),
    cc: people(email.cc),
    bcc: people(email.bcc),
    replyTo: people(email.replyTo),
    internetMessageId: messageId,
    headers: () => headerLines(mime),
    sentAt: readDate(email.date),
    body: () => ({ html: email.html ?? null, text: email.text ?? null }),
    conversation: thread,
    attachments: email.attachments.map((one, ordinal) =>
      attachmentInfo(one, ordinal, attachments[ordinal] ?? Buffer.alloc(0)),
    ),
    importance: importance === 'high' || importance === 'low' ? importance : 'normal',
    isReadReceiptRequested: header('disposition-notification-to') !== undefined,
    isDeliveryReceiptRequested: header('return-receipt-to') !== undefined,
  };
}

/** A message without anything but its headers as far as they are readable: for bytes that no parser takes. */
function minimal(mime: Buffer): ParsedMime {
  const lines = headerLines(mime);
  const value = (name: string) => lines.find((line) => line.name.toLowerCase() === name)?.value;
  const id =
    value('message-id') ||
    `<${hashText(mime.toString('latin1', 0, 4096)).toString(16)}.unreadable@simulator.invalid>`;
  return {
    attachments: [],
    properties: {
      subject: value('subject') ?? '',
      from: null,
      sender: null,
      to: [],
      cc: [],
      bcc: [],
      replyTo: [],
      internetMessageId: id,
      headers: () => lines,
      sentAt: readDate(value('date')),
      body: () => ({ html: null, text: mime.toString('latin1', 0, 10_000) }),
      conversation: id,
      attachments: [],
      importance: 'normal',
      isReadReceiptRequested: false,
      isDeliveryReceiptRequested: false,
    },
  };
}

/** Reads a message file; one that the parser refuses is shown with what its headers tell. Never throws. */
export async function parseMime(mime: Buffer): Promise<ParsedMime> {
  let email: Email;
  try {
    email = await PostalMime.parse(mime, {
      rfc822Attachments: true,
      forceRfc822Attachments: true,
      attachmentEncoding: 'arraybuffer',
    });
  } catch {
    return minimal(mime); // Exchange shows such mail too; what matters is that $value gives its bytes
  }
  const attachments = email.attachments.map(bytesOf);
  return { properties: propertiesOf(mime, email, attachments), attachments };
}
