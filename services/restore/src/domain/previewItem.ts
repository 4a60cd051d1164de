import type { Json, JsonObject, Preview, previewAttachmentSchema } from '@holdfast/contracts';
import { storedAttachmentsOf } from '@holdfast/exchange';
import { decodeWords } from '@holdfast/mime';
import type { z } from 'zod';
import type { PointItem, StoredItem } from '../ports.ts';
import { htmlText } from './htmlText.ts';
import { headerFields, type MessageLimits, type MessageParts, readMessageParts } from './messageParts.ts';
import { type MimeParts, mimePartsOf } from './mimePartBytes.ts';
import { escapedHtml, safeHtml } from './safeHtml.ts';

export type PreviewAttachment = z.infer<typeof previewAttachmentSchema>;

/** How much of an item a preview looks at. Attachments are never opened, so an archive in one cannot unfold. */
const limits: MessageLimits = {
  messageBytes: 16 * 1024 * 1024,
  textBytes: 1024 * 1024,
  headerBytes: 128 * 1024,
  parts: 500,
};
const mostText = 200 * 1024;
const mostHeaders = 200;
const longestHeader = 2000;
const mostHeaderText = 128 * 1024;
const longestName = 200;
const mostPeople = 500;
const imageBytes = 2 * 1024 * 1024;
const allImageBytes = 4 * 1024 * 1024;
const imageTypes = /^image\/(png|jpe?g|gif|webp|bmp)$/i;

/** An attachment with how its bytes are read. */
export interface OpenAttachment extends PreviewAttachment {
  open: (() => AsyncIterable<Uint8Array>) | undefined;
}

interface Contents {
  parts: MessageParts;
  attachments: OpenAttachment[];
  html: string | undefined;
  text: string;
}

const noParts: MessageParts = { header: '', texts: [], attachments: [], cut: [] };

async function contentsOf(stored: StoredItem): Promise<Contents> {
  const parts = stored.mime === undefined ? noParts : await readMessageParts(stored.mime.open(), limits);
  const html = parts.texts.filter(({ type }) => type === 'text/html').map((one) => one.text);
  const plain = parts.texts.filter(({ type }) => type === 'text/plain').map((one) => one.text);
  const body = objectOf(stored.properties.body);
  if (parts.texts.length === 0 && typeof body.content === 'string') {
    const content = body.content.slice(0, limits.textBytes);
    (textOf(body.contentType).toLowerCase() === 'html' ? html : plain).push(content);
  }
  const whole = html.length === 0 ? undefined : html.join('<hr>');
  const text = plain.length > 0 ? plain.join('\n\n') : whole === undefined ? '' : htmlText(whole, mostText);
  return { parts, attachments: attachmentsOf(stored, parts), html: whole, text };
}

/** Those that the backup recorded, with their bytes; else those that the message shows. */
export function attachmentsOf(stored: StoredItem, parts: MessageParts): OpenAttachment[] {
  const mime = stored.mime === undefined ? undefined : mimePartsOf(stored.mime);
  const recorded = storedAttachmentsOf(stored.properties).slice(0, limits.parts);
  if (recorded.length > 0) return recorded.map((one, index) => recordedAttachment(one, index, stored, mime));
  const own = new Map(stored.mime?.parts.map((part) => [part.path, part.size]));
  return parts.attachments.map(({ path, name, contentType, size, inline, contentId }, index) => ({
    path,
    name: attachmentName(name, contentType, index),
    contentType: contentType.slice(0, longestName),
    size: own.get(path) ?? size,
    inline,
    ...(contentId === undefined ? {} : { contentId: contentId.slice(0, longestName) }),
    open: mime === undefined ? undefined : () => mime.open(path),
  }));
}

function recordedAttachment(
  recorded: ReturnType<typeof storedAttachmentsOf>[number],
  index: number,
  stored: StoredItem,
  mime: MimeParts | undefined,
): OpenAttachment {
  const { bytes, name, contentType = 'application/octet-stream', size, isInline, contentId, kind } = recorded;
  const facts = {
    path: `a${index}`,
    name: attachmentName(name, kind === 'item' ? 'message/rfc822' : contentType, index),
    contentType: contentType.slice(0, longestName),
    size: Math.max(0, Math.round(size)),
    inline: isInline,
    ...(contentId === undefined ? {} : { contentId: contentId.slice(0, longestName) }),
  };
  if (bytes.source === 'none') return { ...facts, missing: bytes.reason.slice(0, 500), open: undefined };
  if (bytes.source === 'mime' && mime !== undefined) {
    const { partPath } = bytes;
    return { ...facts, open: () => mime.open(partPath) };
  }
  const extra = bytes.source === 'extra' && stored.extraParts.find((part) => part.name === bytes.name);
  if (extra) return { ...facts, size: extra.size, open: () => extra.open() };
  return { ...facts, missing: 'Its bytes are not in the stored item.', open: undefined };
}

const extensions: Readonly<Record<string, string>> = {
  'message/rfc822': '.eml',
  'text/calendar': '.ics',
  'text/plain': '.txt',
  'text/html': '.html',
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/gif': '.gif',
  'application/pdf': '.pdf',
};

/** A name without folders, control characters and direction marks that could be used to deceive. */
export function attachmentName(name: string | undefined, contentType: string, index: number): string {
  const clean = (name ?? '')
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029\p{Cs}]/gu, '')
    .replaceAll(/[/\\:*?"<>|]/g, '_')
    .replace(/^[.\s]+/, '')
    .trim()
    .slice(0, longestName);
  return clean === '' ? `attachment-${index + 1}${extensions[contentType.toLowerCase()] ?? ''}` : clean;
}

/** What a person sees of an item. Never fails for what is in it. */
export async function previewItem(folderId: string, entry: PointItem, stored: StoredItem): Promise<Preview> {
  const contents = await contentsOf(stored);
  const { parts } = contents;
  const { properties } = stored;
  const headers = boundedHeaders(parts.header);
  const people = (name: string, header: string): string[] => {
    const listed = peopleOf(properties[name]);
    if (listed.length > 0) return listed;
    return headers.filter((field) => field.name.toLowerCase() === header).map(({ value }) => value);
  };
  const from = people('from', 'from')[0] ?? textOf(entry.summary.from);
  const subject = textOf(properties.subject) || textOf(entry.summary.subject);
  const [sent, received] = [isoOf(properties.sentDateTime), isoOf(properties.receivedDateTime)];
  const notes = [...parts.cut];
  if (contents.text.length > mostText) notes.push(`Only the first ${mostText} characters are shown as text.`);
  return {
    ...{ itemKey: entry.key, folderId, kind: 'message', from: from.slice(0, longestHeader) },
    subject: subject.slice(0, longestHeader),
    to: people('toRecipients', 'to').slice(0, mostPeople),
    cc: people('ccRecipients', 'cc').slice(0, mostPeople),
    bcc: people('bccRecipients', 'bcc').slice(0, mostPeople),
    ...(sent === undefined ? {} : { sent }),
    received: received ?? new Date(entry.time).toISOString(),
    state: entry.state,
    size: entry.size,
    headers,
    text: contents.text.slice(0, mostText),
    hasHtml: contents.html !== undefined,
    hasSource: stored.mime !== undefined,
    attachments: contents.attachments.map(({ open: _, ...facts }) => facts),
    notes,
  };
}

function boundedHeaders(header: string): { name: string; value: string }[] {
  let room = mostHeaderText;
  return headerFields(header, mostHeaders, longestHeader).flatMap(({ name, value }) => {
    const decoded = decodeWords(value).replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ');
    room -= name.length + decoded.length;
    return room < 0 ? [] : [{ name: name.replaceAll(/[\p{Cc}\p{Cs}]/gu, ' '), value: decoded }];
  });
}

/** The item as a page of its own: safe to be shown, and needing nothing from anywhere. */
export async function previewHtml(stored: StoredItem): Promise<string> {
  const { html, text, attachments } = await contentsOf(stored);
  if (html === undefined) return page(`<pre>${escapedHtml(text.slice(0, limits.textBytes))}</pre>`, []);
  const images = await inlineImages(html, attachments);
  const safe = safeHtml(html, (id) => images.get(id.toLowerCase()));
  const notes =
    safe.remoteContent === 0 ? [] : [`${safe.remoteContent} pictures from elsewhere are not shown.`];
  return page(safe.html, notes);
}

/** The images that the HTML shows out of the message, as `data:` addresses. */
async function inlineImages(
  html: string,
  attachments: readonly OpenAttachment[],
): Promise<Map<string, string>> {
  const images = new Map<string, string>();
  let room = allImageBytes;
  for (const { contentId, contentType, size, open } of attachments) {
    const type = contentType.toLowerCase().replace('jpg', 'jpeg');
    const isShown = contentId !== undefined && html.includes(contentId) && imageTypes.test(type);
    if (!isShown || open === undefined || size > Math.min(imageBytes, room)) continue;
    const bytes = await collect(open(), Math.min(imageBytes, room));
    if (bytes === undefined) continue;
    room -= bytes.length;
    images.set(contentId.toLowerCase(), `data:${type};base64,${bytes.toString('base64')}`);
  }
  return images;
}

/** Undefined when there are more bytes than that. */
async function collect(source: AsyncIterable<Uint8Array>, most: number): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    length += piece.byteLength;
    if (length > most) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const page = (body: string, notes: readonly string[]): string =>
  [
    '<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">',
    '<style>body{font-family:sans-serif;overflow-wrap:anywhere}pre{white-space:pre-wrap}img{max-width:100%}</style>',
    `</head><body>${notes.map((note) => `<p><em>${escapedHtml(note)}</em></p>`).join('')}`,
    `${body}</body></html>`,
  ].join('');

function peopleOf(value: Json | undefined): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.slice(0, mostPeople).flatMap((one) => {
    const { name, address } = objectOf(objectOf(one).emailAddress);
    const [person, mail] = [textOf(name), textOf(address)];
    if (person === '' && mail === '') return [];
    const shown = person === '' || person === mail ? mail : mail === '' ? person : `${person} <${mail}>`;
    return [shown.slice(0, longestName * 2)];
  });
}

const isoOf = (value: Json | undefined): string | undefined => {
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
};

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
