import { decodeBytes, decodeTransfer, type MimePart, MimeScanner } from '@holdfast/mime';

/** How much of a message is looked at; what is beyond is named in `cut`. */
export interface MessageLimits {
  /** Bytes of the message that are read. */
  messageBytes: number;
  /** Bytes of each text that are kept. */
  textBytes: number;
  /** Bytes of the header that are kept. */
  headerBytes: number;
  /** Parts that are listed. */
  parts: number;
}

/** A text of the message itself, not of an attachment. */
export interface MessageText {
  path: string;
  type: 'text/plain' | 'text/html';
  text: string;
}

/** A part that a mail program would show as an attachment. */
export interface MessageAttachment {
  path: string;
  name: string | undefined;
  contentType: string;
  /** Decoded bytes, near enough; what is stored apart knows it exactly. */
  size: number;
  inline: boolean;
  contentId: string | undefined;
}

export interface MessageParts {
  /** The header as it stands there, latin1. */
  header: string;
  texts: MessageText[];
  attachments: MessageAttachment[];
  /** What was left out, as sentences. */
  cut: string[];
}

/** Reads the structure and the texts of a message. Never throws for what is in it, and keeps no more than it says. */
export async function readMessageParts(
  mime: AsyncIterable<Uint8Array>,
  limits: MessageLimits,
): Promise<MessageParts> {
  const kept = new Map<MimePart, { pieces: Buffer[]; bytes: number }>();
  const head: Buffer[] = [];
  let headBytes = 0;
  const scanner = new MimeScanner((bytes, leaf) => {
    if (leaf === undefined || !isText(leaf)) return;
    const texts = kept.get(leaf) ?? { pieces: [], bytes: 0 };
    if (kept.size < mostTexts) kept.set(leaf, texts);
    // Encoded texts are longer than what they say: base64 by a third, quoted-printable up to three times.
    const room = limits.textBytes * 3 - texts.bytes;
    if (room <= 0) return;
    texts.pieces.push(Buffer.from(bytes.subarray(0, room)));
    texts.bytes += bytes.length;
  });
  let read = 0;
  const cut: string[] = [];
  for await (const piece of mime) {
    const room = limits.messageBytes - read;
    const part = piece.byteLength > room ? piece.subarray(0, room) : piece;
    if (headBytes < limits.headerBytes) {
      head.push(Buffer.from(part.subarray(0, limits.headerBytes - headBytes)));
      headBytes += part.byteLength;
    }
    scanner.push(part);
    read += part.byteLength;
    if (part.byteLength < piece.byteLength || read >= limits.messageBytes) {
      cut.push(`Only the first ${limits.messageBytes} bytes of the message were looked at.`);
      break;
    }
  }
  const root = scanner.end();
  const { bodies, attachments, more } = listParts(root, limits.parts);
  if (more) cut.push(`Only the first ${limits.parts} parts are listed.`);
  const texts: MessageText[] = [];
  for (const part of bodies) {
    const bytes = kept.get(part);
    if (bytes === undefined) continue;
    if (bytes.bytes > limits.textBytes * 3) cut.push(`A text is cut off after ${limits.textBytes} bytes.`);
    texts.push(await textOf(part, Buffer.concat(bytes.pieces), limits.textBytes));
  }
  if (root.header.end > limits.headerBytes) {
    cut.push(`Only the first ${limits.headerBytes} bytes of the header are shown.`);
  }
  const header = Buffer.concat(head).subarray(root.header.start, root.header.end).toString('latin1');
  return { header, texts, attachments, cut };
}

/** More texts than these are attachments. */
const mostTexts = 32;

const isText = (part: MimePart): boolean =>
  part.contentType === 'text/plain' || part.contentType === 'text/html';

const isBody = (part: MimePart): boolean =>
  isText(part) && part.disposition !== 'attachment' && part.fileName === undefined;

interface Listed {
  bodies: MimePart[];
  attachments: MessageAttachment[];
  more: boolean;
}

/** Parts in order, without recursion: nesting is the sender's choice. A message inside is one attachment. */
function listParts(root: MimePart, most: number): Listed {
  const listed: Listed = { bodies: [], attachments: [], more: false };
  const stack: MimePart[] = [root];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    const isMessage = part.contentType === 'message/rfc822' && part !== root;
    if (part.children.length > 0 && !isMessage) {
      stack.push(...part.children.toReversed());
      continue;
    }
    if (isBody(part) && listed.bodies.length < mostTexts) listed.bodies.push(part);
    // A multipart without parts is nothing that could be shown.
    else if (part.contentType.startsWith('multipart/')) continue;
    else if (listed.attachments.length >= most) listed.more = true;
    else listed.attachments.push(attachmentOf(part));
  }
  return listed;
}

function attachmentOf(part: MimePart): MessageAttachment {
  const { path, fileName, contentType, contentId, disposition } = part;
  return {
    path,
    name: fileName,
    contentType,
    size: decodedSize(part),
    inline: disposition === 'inline' || (disposition === undefined && contentId !== undefined),
    contentId,
  };
}

function decodedSize({ body, transferEncoding }: MimePart): number {
  const bytes = body.end - body.start;
  // Lines of 76 characters and their ends: 78 bytes for 57.
  return transferEncoding === 'base64' ? Math.floor((bytes * 57) / 78) : bytes;
}

async function textOf(part: MimePart, bytes: Buffer, most: number): Promise<MessageText> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of decodeTransfer(part.transferEncoding, one(bytes))) {
    pieces.push(piece);
    length += piece.byteLength;
    if (length >= most) break;
  }
  const text = decodeBytes(Buffer.concat(pieces).subarray(0, most), part.parameters.charset ?? 'utf-8');
  return { path: part.path, type: part.contentType === 'text/html' ? 'text/html' : 'text/plain', text };
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** The fields of a header, unfolded, in order; at most so many, each cut at a length. */
export function headerFields(
  header: string,
  most: number,
  longest: number,
): { name: string; value: string }[] {
  const fields: { name: string; value: string }[] = [];
  for (const line of header.split(/\r?\n/)) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line)) {
      if (last !== undefined && last.value.length < longest) last.value += ` ${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || fields.length >= most) continue;
    fields.push({ name: line.slice(0, colon).trim().slice(0, 200), value: line.slice(colon + 1).trim() });
  }
  return fields.map(({ name, value }) => ({ name, value: value.slice(0, longest) }));
}
