import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '@holdfast/contracts';
import type { ItemState, ItemUpsert, ListedBody } from '../ports.ts';
import {
  type GraphMessage,
  isContentProperty,
  objectOf,
  peopleOf,
  personOf,
  stateProperties,
  textOf,
} from './graphMessage.ts';

const recipientLists = new Set(['toRecipients', 'ccRecipients', 'bccRecipients', 'replyTo']);
const recipients = new Set(['from', 'sender']);

/**
 * What of a property decides about the content, in a form that does not depend on the order of keys in the
 * answer. `lastModifiedDateTime` moves with the read flag, so it is no content.
 */
function contentOf(name: string, value: Json): Json {
  if (recipientLists.has(name)) return peopleOf(value).flatMap((p) => [p.name, p.address]);
  if (recipients.has(name)) {
    const person = personOf(value);
    return [person.name, person.address];
  }
  return value;
}

/**
 * A digest over everything but the state. It changes only when the MIME must be fetched again, so a read flag, a
 * category or a move costs no content request. A draft's includes the change key, because a draft's attachments
 * change without any other trace in a listing; so does a listing without bodies.
 */
export function contentKeyOf(message: GraphMessage, listed?: ListedBody): string {
  const parts: Json[] = [];
  for (const name of Object.keys(message).sort()) {
    if (name === 'body' || name === 'lastModifiedDateTime' || !isContentProperty(name)) continue;
    const value = message[name];
    if (value !== undefined && value !== null) parts.push(name, contentOf(name, value));
  }
  if (message.isDraft === true || message.body === undefined) parts.push(textOf(message.changeKey));
  const body = objectOf(message.body);
  parts.push((listed?.contentType ?? textOf(body.contentType)).toLowerCase());
  // JSON has no raw line break, so nothing can be taken for something else.
  const digest = createHash('sha256').update(`${JSON.stringify(parts)}\n`);
  digest.update(listed?.content ?? JSON.stringify(textOf(body.content)));
  return digest.digest('base64url').slice(0, 32);
}

export function stateOf(message: GraphMessage): ItemState {
  const state: ItemState = {};
  for (const name of stateProperties) {
    const value = message[name];
    if (value !== undefined) state[name] = value;
  }
  return state;
}

/** ms since epoch of an ISO time; undefined for what is none. Graph's times are UTC. */
export function timeOf(value: Json | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

function contentPropertiesOf(message: GraphMessage): JsonObject {
  const properties: JsonObject = {};
  for (const name of Object.keys(message)) {
    const value = message[name];
    if (value !== undefined && isContentProperty(name)) properties[name] = value;
  }
  const type = message['@odata.type'];
  // Meeting requests and responses are messages of a derived type; what they are must not be lost.
  if (typeof type === 'string' && type !== '#microsoft.graph.message') properties['@odata.type'] = type;
  return properties;
}

/** A listed message as the port has it; `body` stands for the message's own where that was left unread. */
export function itemUpsertOf(message: GraphMessage, body?: ListedBody): ItemUpsert {
  const from = personOf(message.from);
  const properties = contentPropertiesOf(message);
  if (body !== undefined) delete properties.body;
  return {
    kind: 'upsert',
    id: message.id,
    changeKey: textOf(message.changeKey),
    time:
      timeOf(message.receivedDateTime) ??
      timeOf(message.sentDateTime) ??
      timeOf(message.createdDateTime) ??
      0,
    contentKey: contentKeyOf(message, body),
    state: stateOf(message),
    summary: {
      subject: textOf(message.subject),
      from: from.address === '' ? from.name : from.address,
      hasAttachments: message.hasAttachments === true,
    },
    properties,
    ...(body === undefined ? {} : { body }),
  };
}
