import { hash } from 'node:crypto';
import type { Json, JsonObject } from '@holdfast/contracts';
import type { Difference, RestorableItem } from '../ports.ts';
import { type GraphMessage, objectOf, peopleOf, textOf } from './graphMessage.ts';
import { timeOf } from './itemFacts.ts';

/** What an item of the backup should look like in a mailbox: content, state and the subject it was given. */
export function expectedMessage(item: RestorableItem): JsonObject {
  return {
    ...item.properties,
    ...item.state,
    ...(item.subject === undefined ? {} : { subject: item.subject }),
  };
}

const lineEnds = (text: string): string => text.replace(/\r\n?/g, '\n');

/**
 * Body text without what Exchange is known to rewrite when it stores HTML: line ends, the character-set `meta` it
 * puts into the head, the head element made for it, and white space at the end. Everything else counts.
 */
export function comparableBody(contentType: string, content: string): string {
  const text = lineEnds(content);
  if (contentType.toLowerCase() !== 'html') return text.trimEnd();
  return text
    .replace(/<meta\s+http-equiv="?content-type"?[^>]*>\n?/gi, '')
    .replace(/<head>\s*<\/head>\n?/gi, '')
    .replace(/^\s*<html>\s*<body>\n?|\n?<\/body>\s*<\/html>\s*$/gi, '')
    .trim();
}

const oneLine = (text: string): string =>
  lineEnds(text)
    .replace(/\s*\n\s*/g, ' ')
    .trim();

const person = (p: { name: string; address: string }): string =>
  p.address === '' && p.name === '' ? '' : `${p.name} <${p.address.toLowerCase()}>`;

/** Exchange fills an absent name with the address. */
const people = (value: Json | undefined): string =>
  peopleOf(value)
    .map((p) => person({ name: p.name === '' ? p.address : p.name, address: p.address }))
    .join(', ');

const second = (value: Json | undefined): string => {
  const time = timeOf(value);
  return time === undefined ? '' : new Date(Math.floor(time / 1000) * 1000).toISOString();
};

const day = (value: Json | undefined): string => textOf(objectOf(value).dateTime).slice(0, 10);

function flag(value: Json | undefined): string {
  const status = textOf(objectOf(value).flagStatus) || 'notFlagged';
  const { startDateTime, dueDateTime, completedDateTime } = objectOf(value);
  if (status === 'notFlagged') return status;
  // There is no due date without a start date: it is set with it where the backup has none.
  const start = day(startDateTime) || day(dueDateTime);
  return `${status} ${start} ${day(dueDateTime)} ${day(completedDateTime)}`.trimEnd();
}

const words = (value: Json | undefined): string =>
  Array.isArray(value)
    ? value
        .map((v) => String(v))
        .sort()
        .join(', ')
    : '';

const lower = (fallback: string) => (value: Json | undefined) => (textOf(value) || fallback).toLowerCase();
const yes = (value: Json | undefined): string => String(value === true);

/** How each settable property is put into words for the comparison. */
const comparables: Record<string, (value: Json | undefined) => string> = {
  subject: (value) => oneLine(textOf(value)),
  body: (value) => {
    const body = objectOf(value);
    const contentType = textOf(body.contentType).toLowerCase() || 'text';
    return `${contentType}: ${comparableBody(contentType, textOf(body.content))}`;
  },
  from: (value) => people(value === undefined || value === null ? [] : [value]),
  sender: (value) => people(value === undefined || value === null ? [] : [value]),
  toRecipients: people,
  ccRecipients: people,
  bccRecipients: people,
  replyTo: people,
  sentDateTime: second,
  receivedDateTime: second,
  internetMessageId: textOf,
  importance: lower('normal'),
  inferenceClassification: lower('focused'),
  isRead: yes,
  isDraft: yes,
  isDeliveryReceiptRequested: yes,
  isReadReceiptRequested: yes,
  flag,
  categories: words,
};

/** Set by the service when the backup has none: then there is nothing to compare with. */
const onlyWhenGiven = new Set([
  'sender',
  'from',
  'internetMessageId',
  'sentDateTime',
  'receivedDateTime',
  'inferenceClassification',
]);

/** Follow the mailbox, not the message: Exchange decides them anew for each that arrives. */
const notCompared = new Set(['isDraft', 'inferenceClassification', 'sender']);

/**
 * A digest of all that can be set of a message, in the words of the comparison, and of whether it has attachments: two
 * messages with the same one look the same. Attachments that were exchanged in place do not show.
 */
export function contentSignOf(message: JsonObject, ignoring: readonly string[]): string {
  const parts: string[] = [String(message.hasAttachments === true)];
  for (const [property, words] of Object.entries(comparables)) {
    if (notCompared.has(property) || ignoring.includes(property)) continue;
    parts.push(property, words(message[property]));
  }
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 32);
}

const clip = (text: string): string =>
  text.length <= 200 ? text : `${text.slice(0, 200)}… (${text.length})`;

/** Where two long texts begin to differ, so that a report shows more than equal beginnings. */
function excerptPair(expected: string, actual: string): { expected: string; actual: string } {
  if (expected.length <= 200 && actual.length <= 200) return { expected, actual };
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at++;
  const from = Math.max(0, at - 40);
  const lead = from === 0 ? '' : `…[${from}] `;
  return { expected: lead + clip(expected.slice(from)), actual: lead + clip(actual.slice(from)) };
}

/** Differences in all settable properties between what was meant and what the mailbox has; attachments aside. */
export function compareMessages(
  expected: JsonObject,
  actual: GraphMessage,
  folderId: string | undefined,
): Difference[] {
  const differences: Difference[] = [];
  for (const [property, words] of Object.entries(comparables)) {
    const wanted = words(expected[property]);
    if (wanted === '' && onlyWhenGiven.has(property)) continue;
    if (expected[property] === undefined && onlyWhenGiven.has(property)) continue;
    const found = words(actual[property]);
    if (wanted !== found) differences.push({ property, ...excerptPair(wanted, found) });
  }
  const parent = textOf(actual.parentFolderId);
  if (folderId !== undefined && parent !== folderId) {
    differences.push({ property: 'folder', expected: folderId, actual: parent });
  }
  return differences;
}
