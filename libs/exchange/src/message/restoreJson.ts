import type { Json, JsonObject } from '@holdfast/contracts';
import { hasInlineReference, objectOf, peopleOf, personOf, textOf } from './graphMessage.ts';
import { timeOf } from './itemFacts.ts';

/** A named string property on every restored message: which restore made it, and whether it was finished. */
export const markerPropertyId = 'String {6f1d0b3e-8a53-4a0f-9d0e-2b7c4c9b5e17} Name HoldfastRestore';
/** Which item a restored one was made to replace: in the creating request, so that a crash cannot part the two. */
export const replacesPropertyId = 'String {6f1d0b3e-8a53-4a0f-9d0e-2b7c4c9b5e17} Name HoldfastReplaces';
const unfinishedPrefix = 'unfinished:';

export const markerValue = (marker: string, finished: boolean): string =>
  finished ? marker : unfinishedPrefix + marker;

/** Reads a marker's value. */
export const parseMarker = (value: string): { marker: string; unfinished: boolean } =>
  value.startsWith(unfinishedPrefix)
    ? { marker: value.slice(unfinishedPrefix.length), unfinished: true }
    : { marker: value, unfinished: false };

/** Value of an expanded extended property. The service repeats the id in its own spelling. */
export function extendedPropertyOf(message: JsonObject, id: string): string | undefined {
  const list = Array.isArray(message.singleValueExtendedProperties)
    ? message.singleValueExtendedProperties
    : [];
  for (const entry of list.map(objectOf)) {
    if (textOf(entry.id).toLowerCase() === id.toLowerCase()) return textOf(entry.value);
  }
  return undefined;
}

export interface NotRestored {
  what: string;
  why: string;
}

/** How much is dared: everything first; when the service refuses it, only what it surely takes. */
export interface Care {
  careful: boolean;
  /** Gets what is left out. */
  notRestored: NotRestored[];
}

/** At most this many headers of one's own are accepted on creation, and only such whose names begin with `x-`. */
const mostHeaders = 5;
const copied = ['subject', 'importance', 'inferenceClassification', 'internetMessageId'] as const;
const flags = ['isRead', 'isDeliveryReceiptRequested', 'isReadReceiptRequested'] as const;
const lists = ['toRecipients', 'ccRecipients', 'bccRecipients', 'replyTo'] as const;

const recipient = ({ name, address }: { name: string; address: string }): JsonObject => ({
  emailAddress: { ...(name === '' ? {} : { name }), ...(address === '' ? {} : { address }) },
});

/** Something that looks like an address; old and foreign mail has entries that Exchange may refuse. */
const isAddress = (address: string): boolean => /^[^\s@<>]+@[^\s@<>]+$/.test(address);

function copyPeople(from: JsonObject, to: JsonObject, care: Care): void {
  const usable = (what: string, p: { name: string; address: string }): boolean => {
    if (p.address === '' && p.name === '') return false;
    if (!care.careful || isAddress(p.address)) return true;
    care.notRestored.push({
      what: `${what}: ${p.name || p.address}`,
      why: 'The entry has no valid address.',
    });
    return false;
  };
  for (const name of lists) {
    const people = peopleOf(from[name]).filter((p) => usable(name, p));
    if (people.length > 0) to[name] = people.map(recipient);
  }
  for (const name of ['from', 'sender'] as const) {
    const p = personOf(from[name]);
    if (usable(name, p)) to[name] = recipient(p);
  }
}

/** Graph refuses a due date without a start date. */
function flagOf(value: Json | undefined): JsonObject | undefined {
  const flag = objectOf(value);
  const status = textOf(flag.flagStatus);
  if (status === '' || status === 'notFlagged') return undefined;
  const clean: JsonObject = { flagStatus: status };
  const due = flag.dueDateTime;
  if (due !== undefined && due !== null) {
    clean.startDateTime = flag.startDateTime ?? due;
    clean.dueDateTime = due;
  }
  if (status === 'complete' && flag.completedDateTime !== undefined && flag.completedDateTime !== null) {
    clean.completedDateTime = flag.completedDateTime;
  }
  return clean;
}

function customHeaders(value: Json | undefined): JsonObject[] {
  const headers = Array.isArray(value) ? value.map(objectOf) : [];
  return headers
    .filter((header) => /^x-[\x21-\x39\x3b-\x7e]+$/i.test(textOf(header.name)) && textOf(header.value) !== '')
    .slice(0, mostHeaders)
    .map((header) => ({ name: textOf(header.name), value: textOf(header.value) }));
}

/** Message flags (MS-OXCMSG): submitted, and not "unsent", which would make it a draft for ever. */
const submittedFlags = { id: 'Integer 0x0E07', value: '4' };

/** Properties that make it not a draft and give it its times; they count only in the creating request. */
function extendedProperties(properties: JsonObject): JsonObject[] {
  const extended: JsonObject[] = properties.isDraft === true ? [] : [submittedFlags];
  const sent = timeOf(properties.sentDateTime);
  const received = timeOf(properties.receivedDateTime) ?? sent;
  if (sent !== undefined) extended.push({ id: 'SystemTime 0x0039', value: new Date(sent).toISOString() });
  if (received !== undefined) {
    extended.push({ id: 'SystemTime 0x0E06', value: new Date(received).toISOString() });
  }
  return extended;
}

/** Everything of a message that Graph lets one set, and nothing else. */
export function settableMessage(properties: JsonObject, care: Care): JsonObject {
  const message: JsonObject = {};
  for (const name of copied) {
    const value = textOf(properties[name]);
    if (value !== '') message[name] = value;
  }
  for (const name of flags) if (properties[name] === true) message[name] = true;
  if (properties.isRead === false) message.isRead = false;
  const body = objectOf(properties.body);
  if (properties.body !== undefined) {
    message.body = { contentType: textOf(body.contentType) || 'text', content: textOf(body.content) };
  }
  copyPeople(properties, message, care);
  const flag = flagOf(properties.flag);
  if (flag !== undefined) message.flag = flag;
  if (Array.isArray(properties.categories) && properties.categories.length > 0) {
    message.categories = properties.categories;
  }
  const headers = care.careful ? [] : customHeaders(properties.internetMessageHeaders);
  if (headers.length > 0) message.internetMessageHeaders = headers;
  message.singleValueExtendedProperties = extendedProperties(properties);
  return message;
}

/** The creating request of an item of the backup, without attachments. */
export function creatingMessage(
  properties: JsonObject,
  marker: string,
  finished: boolean,
  care: Care,
  replaces?: string,
): JsonObject {
  const message = settableMessage(properties, care);
  const type = textOf(properties['@odata.type']);
  if (type !== '' && type !== '#microsoft.graph.message') {
    care.notRestored.push({
      what: `kind of item (${type.replace('#microsoft.graph.', '')})`,
      why: 'It is restored as a plain message, so that no invitation or answer can go out.',
    });
  }
  const extended = extendedProperties(properties);
  message.singleValueExtendedProperties = [
    ...extended,
    { id: markerPropertyId, value: markerValue(marker, finished) },
    ...(replaces === undefined ? [] : [{ id: replacesPropertyId, value: replaces }]),
  ];
  return message;
}

/** True when a nested message can be made of its properties: JSON carries no attachments of nested messages. */
export function isPlainNestedMessage(properties: JsonObject | undefined): properties is JsonObject {
  if (properties === undefined) return false;
  const type = textOf(properties['@odata.type']).toLowerCase();
  const isMessage = type === '' || type === '#microsoft.graph.message';
  return isMessage && properties.hasAttachments !== true && !hasInlineReference(properties);
}

/** A nested message as an attachment; what is nested is not a draft either, its headers cannot be set. */
export function nestedMessageAttachment(name: string, properties: JsonObject): JsonObject {
  const { internetMessageHeaders: _, ...item } = settableMessage(properties, {
    careful: false,
    notRestored: [],
  });
  return {
    '@odata.type': '#microsoft.graph.itemAttachment',
    name: name === '' ? textOf(properties.subject) || 'message' : name,
    item: { '@odata.type': '#microsoft.graph.message', ...item },
  };
}
