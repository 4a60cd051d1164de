import type { Json, JsonObject } from '@holdfast/contracts';

/** A message as Graph's JSON has it; only what this lib touches is named, the rest passes through. */
export interface GraphMessage extends JsonObject {
  id: string;
}

/** Properties asked for in each listing: a superset, so that an item needs no second request for its properties. */
export const listedProperties = [
  'id',
  'createdDateTime',
  'lastModifiedDateTime',
  'changeKey',
  'categories',
  'receivedDateTime',
  'sentDateTime',
  'hasAttachments',
  'internetMessageId',
  'subject',
  'importance',
  'parentFolderId',
  'conversationId',
  'conversationIndex',
  'isDeliveryReceiptRequested',
  'isReadReceiptRequested',
  'isRead',
  'isDraft',
  'inferenceClassification',
  'sender',
  'from',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'flag',
  'body',
] as const;

/**
 * The same without the body: pages are some ten times smaller. The body then comes out of the MIME alone, and a
 * body edited in place is noticed by `changeKey` only, so `contentKey` includes it and each flip of a flag costs
 * a MIME fetch.
 */
export const leanProperties = listedProperties.filter((name) => name !== 'body');

/** What may change without the content: kept in the tree beside the item. */
export const stateProperties = [
  'isRead',
  'flag',
  'categories',
  'importance',
  'inferenceClassification',
] as const;

/** Housekeeping of the service: neither state nor content, never part of the properties rendition. */
const housekeeping = new Set(['id', 'changeKey', 'parentFolderId']);

export const isStateProperty = (name: string): boolean =>
  (stateProperties as readonly string[]).includes(name);

/** Part of the properties rendition: neither state, nor an annotation of the protocol, nor housekeeping. */
export const isContentProperty = (name: string): boolean =>
  !name.startsWith('@') && !name.includes('@odata') && !isStateProperty(name) && !housekeeping.has(name);

/** The object behind a JSON value, or an empty one. */
export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

export const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Name and address of a Graph recipient; empty strings where they are absent. */
export function personOf(value: Json | undefined): { name: string; address: string } {
  const address = objectOf(objectOf(value).emailAddress);
  return { name: textOf(address.name), address: textOf(address.address) };
}

export const peopleOf = (value: Json | undefined): { name: string; address: string }[] =>
  Array.isArray(value) ? value.map(personOf) : [];

/** `hasAttachments` does not count inline ones; an HTML body that refers to them gives them away. */
export function hasInlineReference(properties: JsonObject): boolean {
  const body = objectOf(properties.body);
  return textOf(body.contentType).toLowerCase() === 'html' && /["'(=]\s*cid:/i.test(textOf(body.content));
}
