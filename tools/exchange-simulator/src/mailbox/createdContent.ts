import { encodedLength } from '../corpus/attachmentPool.ts';
import { encodedWords, headerAddress } from '../corpus/generatedMime.ts';
import { hashText } from '../random.ts';
import { mailDate } from '../timeText.ts';
import type { AttachmentInfo, Content, ContentProperties, Correspondent, MimeForm } from './content.ts';
import type { HeaderLine } from './headerLines.ts';
import type { Spool, SpoolRange } from './spool.ts';

/** An attachment that a client has written. */
export interface CreatedAttachment extends AttachmentInfo {
  readonly ranges: readonly SpoolRange[];
  /** The nested item as JSON, for an attached item. */
  readonly item?: Readonly<Record<string, unknown>>;
}

/** Everything of a message that a client has written by JSON, apart from attachment bytes. */
export interface CreatedMessage {
  readonly subject: string;
  readonly from: Correspondent | null;
  readonly sender: Correspondent | null;
  readonly to: readonly Correspondent[];
  readonly cc: readonly Correspondent[];
  readonly bcc: readonly Correspondent[];
  readonly replyTo: readonly Correspondent[];
  readonly internetMessageId: string;
  readonly headers: readonly HeaderLine[];
  readonly sentAt: number;
  readonly bodyType: 'text' | 'html';
  readonly body: string;
  readonly conversation: string;
  readonly importance: 'low' | 'normal' | 'high';
  readonly isReadReceiptRequested: boolean;
  readonly isDeliveryReceiptRequested: boolean;
  readonly attachments: readonly CreatedAttachment[];
}

const BLOCK = 57 * 8192;

/** Content written by JSON; kept in the spool. Its MIME form is composed from it, always the same. */
export class CreatedContent implements Content {
  readonly #spool: Spool;
  readonly #range: SpoolRange;

  constructor(spool: Spool, message: CreatedMessage) {
    this.#spool = spool;
    this.#range = spool.append(Buffer.from(JSON.stringify(message)));
  }

  message(): CreatedMessage {
    return JSON.parse(this.#spool.read(this.#range).toString()) as CreatedMessage;
  }

  properties(): ContentProperties {
    const message = this.message();
    return {
      ...message,
      headers: () => message.headers,
      body: () => ({
        html: message.bodyType === 'html' ? message.body : null,
        text: message.bodyType === 'text' ? message.body : null,
      }),
    };
  }

  mime(): MimeForm {
    const message = this.message();
    const parts = mimeParts(this.#spool, message);
    const length = parts.reduce(
      (sum, part) => sum + (Buffer.isBuffer(part) ? part.length : encodedLength(part.size)),
      0,
    );
    const spool = this.#spool;
    function* chunks(): Generator<Buffer> {
      for (const part of parts) {
        if (Buffer.isBuffer(part)) yield part;
        else yield* encodedChunks(spool, part);
      }
    }
    return length < 8 * 1024 * 1024
      ? { length, bytes: Buffer.concat([...chunks()], length) }
      : { length, chunks };
  }

  attachmentBytes(ordinal: number): Buffer {
    const attachment = this.message().attachments.find((one) => one.ordinal === ordinal);
    if (!attachment) throw new RangeError(`no attachment ${ordinal}`);
    return Buffer.concat(
      attachment.ranges.map((range) => this.#spool.read(range)),
      attachment.size,
    );
  }
}

/** Raw bytes of an attachment as base64 lines of 76 characters, a block at a time. */
function* encodedChunks(spool: Spool, attachment: CreatedAttachment): Generator<Buffer> {
  let rest = Buffer.alloc(0);
  for (const range of attachment.ranges) {
    for (let at = 0; at < range.length; at += BLOCK) {
      const piece = spool.read({ offset: range.offset + at, length: Math.min(BLOCK, range.length - at) });
      const bytes = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
      const whole = bytes.length - (bytes.length % 57);
      if (whole > 0) yield base64Lines(bytes.subarray(0, whole));
      rest = Buffer.from(bytes.subarray(whole));
    }
  }
  if (rest.length > 0) yield base64Lines(rest);
}

function base64Lines(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64').replaceAll(/.{1,76}/g, '$&\r\n'), 'latin1');
}

const addresses = (name: string, people: readonly Correspondent[]) =>
  people.length === 0 ? '' : `${name}: ${people.map(headerAddress).join(',\r\n\t')}\r\n`;
/** Header values of a client may hold anything; a line break in one would make another header. */
const oneLine = (text: string) => text.replaceAll(/[\r\n]+/g, ' ');

function headerBlock(message: CreatedMessage): string {
  const custom = message.headers
    .map((line) => `${line.name}: ${encodedWords(oneLine(line.value))}\r\n`)
    .join('');
  return (
    addresses('From', message.from ? [message.from] : []) +
    (message.sender && message.sender.address !== message.from?.address
      ? addresses('Sender', [message.sender])
      : '') +
    addresses('To', message.to) +
    addresses('Cc', message.cc) +
    addresses('Bcc', message.bcc) +
    addresses('Reply-To', message.replyTo) +
    `Subject: ${encodedWords(oneLine(message.subject))}\r\nDate: ${mailDate(message.sentAt)}\r\nMessage-ID: ${oneLine(message.internetMessageId)}\r\n` +
    (message.importance === 'normal' ? '' : `Importance: ${message.importance}\r\n`) +
    `${custom}MIME-Version: 1.0\r\n`
  );
}

function mimeParts(spool: Spool, message: CreatedMessage): (Buffer | CreatedAttachment)[] {
  const text = `Content-Type: text/${message.bodyType === 'html' ? 'html' : 'plain'}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(text), base64Lines(Buffer.from(message.body))]);
  const head = Buffer.from(headerBlock(message));
  const attached = message.attachments.filter((one) => one.kind !== 'reference');
  if (attached.length === 0) return [head, body];
  const boundary = `_sim_${hashText(message.internetMessageId).toString(16)}_`;
  const parts: (Buffer | CreatedAttachment)[] = [
    head,
    Buffer.from(`Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n--${boundary}\r\n`),
    body,
  ];
  for (const one of attached) {
    const id = one.contentId ? `Content-ID: <${oneLine(one.contentId)}>\r\n` : '';
    if (one.kind === 'item') {
      parts.push(
        Buffer.from(
          `\r\n--${boundary}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n`,
        ),
      );
      for (const range of one.ranges) parts.push(spool.read(range));
      continue;
    }
    const type = oneLine(one.contentType ?? 'application/octet-stream');
    const name = `filename*=utf-8''${encodeURIComponent(one.name).replaceAll("'", '%27')}`;
    parts.push(
      Buffer.from(
        `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Disposition: ${one.isInline ? 'inline' : 'attachment'}; ${name}\r\n${id}Content-Transfer-Encoding: base64\r\n\r\n`,
      ),
      one,
    );
  }
  parts.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  return parts;
}
