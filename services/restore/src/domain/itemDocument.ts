import { type ItemDocument, plainText } from '@holdfast/catalog';
import type { Json, JsonObject } from '@holdfast/contracts';
import { storedAttachmentsOf } from '@holdfast/exchange';
import type { PointItem, StoredItem } from '../ports.ts';
import { htmlText } from './htmlText.ts';
import { type MessageLimits, readMessageParts } from './messageParts.ts';

/** Characters of an item's text that can be searched. */
export const mostBodyText = 256 * 1024;
const longestSubject = 2000;
const longestPeople = 64 * 1024;
const mostAttachments = 500;
const longestName = 300;

/** For the rare item whose listing had no body: what of its message is read. */
const limits: MessageLimits = {
  messageBytes: 4 * 1024 * 1024,
  textBytes: 512 * 1024,
  headerBytes: 64 * 1024,
  parts: mostAttachments,
};

type Entry = Pick<PointItem, 'objectId' | 'time' | 'size' | 'summary'>;

/** An item of which nothing but its place in the tree can be read. */
export function bareDocument({ objectId, time, size, summary }: Entry): ItemDocument {
  return {
    ...{ objectId, time, size },
    kind: kindOf(summary, {}),
    hasAttachments: summary.hasAttachments === true,
    subject: short(textOf(summary.subject), longestSubject),
    from: short(textOf(summary.from), longestName),
    to: '',
    attachments: [],
    body: '',
  };
}

/** What can be searched of an item: from its properties, and from its message where they have no body. */
export async function itemDocument(entry: Entry, stored: StoredItem): Promise<ItemDocument> {
  const { properties } = stored;
  const bare = bareDocument(entry);
  const from = peopleOf([properties.from, properties.sender]).slice(0, 1);
  const body = bodyOf(properties.body);
  const fromMime = body === undefined ? await textOfMime(stored) : { body, attachments: [] };
  const attachments = [...storedAttachmentsOf(properties).map(({ name }) => name), ...fromMime.attachments]
    .filter((name) => name !== '')
    .slice(0, mostAttachments)
    .map((name) => short(name, longestName));
  return {
    ...bare,
    kind: kindOf(entry.summary, properties),
    subject: short(textOf(properties.subject), longestSubject) || bare.subject,
    from: short(from[0] ?? '', longestName * 2) || bare.from,
    to: short(
      peopleOf([properties.toRecipients, properties.ccRecipients, properties.bccRecipients]).join(', '),
      longestPeople,
    ),
    hasAttachments: bare.hasAttachments || attachments.length > 0,
    attachments,
    body: plainText(fromMime.body.slice(0, mostBodyText)),
  };
}

/** Undefined when the properties have no body. */
function bodyOf(value: Json | undefined): string | undefined {
  const { content, contentType } = objectOf(value);
  if (typeof content !== 'string') return undefined;
  const isHtml = textOf(contentType).toLowerCase() === 'html';
  return isHtml ? htmlText(content, mostBodyText) : content.slice(0, mostBodyText);
}

async function textOfMime(stored: StoredItem): Promise<{ body: string; attachments: string[] }> {
  if (stored.mime === undefined) return { body: '', attachments: [] };
  const { texts, attachments } = await readMessageParts(stored.mime.open(), limits);
  const plain = texts.filter(({ type }) => type === 'text/plain');
  const body =
    plain.length > 0
      ? plain.map(({ text }) => text).join('\n')
      : texts.map(({ text }) => htmlText(text, mostBodyText)).join('\n');
  return { body, attachments: attachments.flatMap(({ name }) => name ?? []) };
}

/** Names and addresses, also out of lists. */
function peopleOf(values: readonly (Json | undefined)[]): string[] {
  return values.flat(1).flatMap((value) => {
    const { name, address } = objectOf(objectOf(value as Json | undefined).emailAddress);
    const [person, mail] = [textOf(name), textOf(address)];
    if (person === '' && mail === '') return [];
    return [person === '' || person === mail ? mail : mail === '' ? person : `${person} <${mail}>`];
  });
}

const kindsOfTypes: readonly [RegExp, string][] = [
  [/eventMessage/i, 'meeting'],
  [/#microsoft\.graph\.event$/i, 'event'],
  [/contact$/i, 'contact'],
  [/task$/i, 'task'],
];

function kindOf(summary: JsonObject, properties: JsonObject): string {
  if (typeof summary.kind === 'string' && /^[a-z]{1,20}$/.test(summary.kind)) return summary.kind;
  const type = textOf(properties['@odata.type']);
  return kindsOfTypes.find(([pattern]) => pattern.test(type))?.[1] ?? 'message';
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};

const short = (text: string, most: number): string => plainText(text.slice(0, most));
