import { mix } from '../random.ts';
import { mailDate } from '../timeText.ts';
import { encodedLength, fileBytes, fileLines, signatureText } from './attachmentPool.ts';
import type { GeneratedFile, MessageFacts } from './messageFacts.ts';
import type { Person } from './people.ts';
import { quotedPrintable } from './textPool.ts';

type Part = string | Buffer | GeneratedFile;

const needsEncoding = (text: string) => /[^\x20-\x7e]/.test(text);
/** UTF-8 as a string of one character a byte: what stands between the paragraphs is put together as one string. */
const byteText = (text: string) => (needsEncoding(text) ? Buffer.from(text).toString('latin1') : text);

const wordBytes = 42;

const utf8Length = (codePoint: number) =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;

/** RFC 2047 encoded words where a header text is not plain ASCII. */
export function encodedWords(text: string): string {
  if (!needsEncoding(text)) return text;
  const words: string[] = [];
  let chunk = '';
  let bytes = 0;
  for (const character of text) {
    const length = utf8Length(character.codePointAt(0) ?? 0);
    if (bytes + length > wordBytes) {
      words.push(chunk);
      chunk = '';
      bytes = 0;
    }
    chunk += character;
    bytes += length;
  }
  words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ');
}

const headerForms = new WeakMap<Person, string>();

/** A mailbox address for a header. */
export function headerAddress(person: Person): string {
  let form = headerForms.get(person);
  if (form === undefined) {
    form = formAddress(person);
    headerForms.set(person, form);
  }
  return form;
}

function formAddress(person: Person): string {
  if (person.name === '') return `<${person.address}>`;
  const name = needsEncoding(person.name)
    ? encodedWords(person.name)
    : `"${person.name.replaceAll(/["\\]/g, '\\$&')}"`;
  return `${name} <${person.address}>`;
}

const addressList = (people: readonly Person[]) =>
  people.length === 1 && people[0] ? headerAddress(people[0]) : people.map(headerAddress).join(',\r\n\t');

const domainOf = ({ address }: Person) => address.slice(address.indexOf('@') + 1);

/** The headers that differ between a message and its copy in another mailbox. */
function transportHeaders(facts: MessageFacts): string {
  const hex = facts.own.toString(16).padStart(8, '0');
  const date = mailDate(facts.receivedAt);
  const hop = `AM${facts.own % 9}PR0${facts.own % 7}MB${(facts.own >>> 8) % 9999}.eurprd0${facts.own % 7}.prod.outlook.com`;
  if (facts.small) {
    return `Received: from ${hop} by mail.contoso.example with ESMTPS id ${hex};\r\n ${date}\r\nReturn-Path: ${facts.from.address}\r\n`;
  }
  return (
    `Received: from ${hop} (2603:10a6:${(facts.own >>> 16).toString(16)}:${(facts.own & 0xffff).toString(16)}::17)\r\n` +
    ` by ${hop} with HTTPS; ${date}\r\n` +
    `Received: from mx${facts.own % 40}.${domainOf(facts.from)} (203.0.113.${facts.own % 250})\r\n` +
    ` by ${hop} (10.167.${facts.own % 255}.${(facts.own >>> 9) % 255}) with Microsoft SMTP Server\r\n` +
    ` (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.${7000 + (facts.own % 999)}.${facts.own % 31} via Frontend Transport;\r\n ${date}\r\n` +
    `Authentication-Results: spf=pass (sender IP is 203.0.113.${facts.own % 250})\r\n smtp.mailfrom=${facts.from.address}; dkim=pass (signature was verified)\r\n` +
    `Delivered-To: ${facts.owner.address}\r\nReturn-Path: ${facts.from.address}\r\n` +
    `X-MS-Exchange-Organization-ExpirationStartTime: ${date}\r\n` +
    `X-MS-Exchange-Organization-Network-Message-Id: ${hex}-${hex.slice(0, 4)}-4${hex.slice(5)}-8${hex.slice(1, 4)}-${mix(facts.own, 3).toString(16).padStart(12, '0')}\r\n` +
    `X-MS-Exchange-Organization-SCL: 1\r\nX-Microsoft-Antispam-Message-Info: ${signatureText(facts.own, 320)}\r\n`
  );
}

/** The headers that a message and its copies share, without those of the content. */
function contentHeaders(facts: MessageFacts): string {
  const domain = domainOf(facts.from);
  const signature = facts.small
    ? ''
    : `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=selector1;\r\n h=From:Date:Subject:Message-ID:Content-Type:MIME-Version;\r\n bh=${signatureText(mix(facts.key, 8), 43)}=;\r\n b=${signatureText(mix(facts.key, 9), 342)}==\r\n`;
  const priority =
    facts.importance === 'normal'
      ? ''
      : `Importance: ${facts.importance}\r\nX-Priority: ${facts.importance === 'high' ? 1 : 5}\r\n`;
  const subject = encodedWords(facts.subject);
  return (
    `${signature}From: ${headerAddress(facts.from)}\r\nTo: ${addressList(facts.to)}\r\n` +
    `${facts.cc.length > 0 ? `Cc: ${addressList(facts.cc)}\r\n` : ''}Subject: ${subject}\r\n` +
    `Date: ${mailDate(facts.sentAt)}\r\nMessage-ID: ${facts.internetMessageId}\r\n` +
    `${facts.inReplyTo ? `In-Reply-To: ${facts.inReplyTo}\r\nReferences: ${facts.inReplyTo}\r\n` : ''}${priority}` +
    `Thread-Topic: ${subject}\r\nAccept-Language: en-GB, en-US\r\nContent-Language: en-GB\r\nMIME-Version: 1.0\r\n`
  );
}

const greeting = (facts: MessageFacts) => `Hello ${facts.to[0]?.name.split(' ')[0] ?? 'all'},`;
const closing = (facts: MessageFacts) => `Regards, ${facts.from.name} (ref ${facts.key.toString(16)})`;

/** Text and HTML around the paragraphs, decoded. */
interface Frame {
  readonly isAscii: boolean;
  readonly textHead: string;
  readonly textTail: string;
  readonly htmlHead: string;
  readonly htmlTail: string;
}

export function frameOf(facts: MessageFacts): Frame {
  const image = facts.inlineImage
    ? `<img width="120" height="40" src="cid:${facts.inlineImage.contentId}" alt="logo">\r\n`
    : '';
  const hello = greeting(facts);
  const regards = closing(facts);
  return {
    // Nothing but the names can be something else.
    isAscii: !needsEncoding(hello) && !needsEncoding(regards),
    textHead: `${hello}\r\n\r\n`,
    textTail: `${regards}\r\n`,
    htmlHead: `<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head>\r\n<body lang="EN-GB" link="#0563C1" vlink="#954F72">\r\n<p class="MsoNormal">${hello}</p>\r\n`,
    htmlTail: `${image}<p class="MsoNormal">${regards}</p>\r\n</body></html>\r\n`,
  };
}

const quoted = (text: string) => text.split('\r\n').map(quotedPrintable).join('\r\n');

function textParts(facts: MessageFacts, frame: Frame, kind: 'plain' | 'html'): Part[] {
  const { pool, firstParagraph, lastParagraph } = facts;
  const head = kind === 'plain' ? frame.textHead : frame.htmlHead;
  const tail = kind === 'plain' ? frame.textTail : frame.htmlTail;
  const offsets = kind === 'plain' ? pool.textOffsets : pool.htmlOffsets;
  const middle = (kind === 'plain' ? pool.text : pool.html).subarray(
    offsets[firstParagraph],
    offsets[lastParagraph],
  );
  if (pool.encoding === 'quoted-printable') {
    return [
      `Content-Type: text/${kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${quoted(head)}`,
      middle,
      quoted(tail),
    ];
  }
  const [charset, encoding] = frame.isAscii ? ['us-ascii', '7bit'] : ['utf-8', '8bit'];
  const header = `Content-Type: text/${kind}; charset="${charset}"\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return frame.isAscii ? [header + head, middle, tail] : [header + byteText(head), middle, byteText(tail)];
}

/** The parts of one multipart entity. */
function multipart(subtype: string, boundary: string, entities: readonly Part[][], extra = ''): Part[] {
  const parts: Part[] = [`Content-Type: multipart/${subtype};${extra}\r\n\tboundary="${boundary}"\r\n\r\n`];
  for (const entity of entities) parts.push(`--${boundary}\r\n`, ...entity, '\r\n');
  parts.push(`--${boundary}--\r\n`);
  return parts;
}

function fileName(name: string): string {
  if (!needsEncoding(name)) return `filename="${name}"`;
  return `filename*=utf-8''${encodeURIComponent(name).replaceAll("'", '%27')}`;
}

function filePart(file: GeneratedFile): Part[] {
  const id = file.contentId ? `Content-ID: <${file.contentId}>\r\n` : '';
  const disposition = file.contentId ? 'inline' : 'attachment';
  return [
    `Content-Type: ${file.contentType}\r\nContent-Disposition: ${disposition};\r\n\t${fileName(file.name)};\r\n\tsize=${file.size}\r\n${id}Content-Transfer-Encoding: base64\r\n\r\n`,
    file,
  ];
}

/** The message that is attached to an `embedded` one. */
export function embeddedMime(facts: MessageFacts): Buffer {
  const text = facts.pool.decodedText(facts.firstParagraph, facts.firstParagraph + 1);
  return Buffer.from(
    `From: ${headerAddress(facts.to[0] ?? facts.from)}\r\nTo: ${headerAddress(facts.from)}\r\nSubject: ${encodedWords(`Inner ${facts.subject}`)}\r\nDate: ${mailDate(facts.sentAt - 86_400_000)}\r\nMessage-ID: <inner.${facts.key.toString(16)}@mail.contoso.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${text}`,
  );
}

/** Name of the attached message, as Outlook shows it. */
export const embeddedName = (facts: MessageFacts) => `Inner ${facts.subject}`;

function messageParts(facts: MessageFacts): Part[] {
  const mark = facts.key.toString(16).padStart(8, '0');
  const frame = frameOf(facts);
  let html = facts.parts === 'text' ? [] : textParts(facts, frame, 'html');
  if (facts.inlineImage && facts.parts !== 'text') {
    html = multipart('related', `_004_${mark}_`, [html, filePart(facts.inlineImage)], ' type="text/html";');
  }
  let body = html;
  if (facts.parts === 'text') body = textParts(facts, frame, 'plain');
  if (facts.parts === 'alternative')
    body = multipart('alternative', `_000_${mark}_`, [textParts(facts, frame, 'plain'), html]);
  if (facts.files.length > 0 || facts.embedded) {
    const entities = [body, ...facts.files.map(filePart)];
    if (facts.embedded)
      entities.push([
        'Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n',
        embeddedMime(facts),
      ]);
    body = multipart('mixed', `_005_${mark}_`, entities);
  }
  return [transportHeaders(facts) + contentHeaders(facts), ...body];
}

const partLength = (part: Part) =>
  typeof part === 'string' || Buffer.isBuffer(part) ? part.length : encodedLength(part.size);

/** The parts with the texts that stand side by side as one, and the length of all. */
function joinedParts(facts: MessageFacts): { parts: Part[]; length: number } {
  const parts: Part[] = [];
  let length = 0;
  let text = '';
  for (const part of messageParts(facts)) {
    length += partLength(part);
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    parts.push(text, part);
    text = '';
  }
  parts.push(text);
  return { parts, length };
}

/** The whole message in one buffer. */
export function mimeBytes(facts: MessageFacts): Buffer {
  const { parts, length } = joinedParts(facts);
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') at += out.write(part, at, 'latin1');
    else if (Buffer.isBuffer(part)) at += part.copy(out, at);
    else for (const block of fileLines(part.key, part.size)) at += block.copy(out, at);
  }
  return out;
}

/** A message in pieces: its length and where its bytes come from. */
export interface MimePieces {
  readonly length: number;
  readonly chunks: () => Iterable<Buffer>;
}

/**
 * The message in pieces that point into the text and file pools: nothing is copied, and a large message is never
 * held whole.
 */
export function mimePieces(facts: MessageFacts): MimePieces {
  const { parts, length } = joinedParts(facts);
  function* chunks(): Generator<Buffer> {
    for (const part of parts) {
      if (typeof part === 'string') {
        if (part !== '') yield Buffer.from(part, 'latin1');
      } else if (Buffer.isBuffer(part)) yield part;
      else yield* fileLines(part.key, part.size);
    }
  }
  return { length, chunks };
}

/** Raw bytes of a generated file. */
export function fileContent(file: GeneratedFile): Buffer {
  return Buffer.concat([...fileBytes(file.key, file.size)], file.size);
}
