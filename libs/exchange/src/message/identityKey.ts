import { hash } from 'node:crypto';
import type { JsonObject } from '@holdfast/contracts';
import type { RestorableItem } from '../ports.ts';
import { personOf, textOf } from './graphMessage.ts';
import { timeOf } from './itemFacts.ts';

/** Exchange trims and folds white space of subjects, so it does not count. */
const foldedText = (text: string): string => text.normalize('NFC').replace(/\s+/g, ' ').trim();

/**
 * Identity of a message that does not depend on ids: internet message id, subject, sent time (whole seconds, as
 * a restore can set them) and sender. The same message in two mailboxes has the same key.
 */
export function identityKeyOf(properties: JsonObject, subject?: string): string {
  const sent = timeOf(properties.sentDateTime);
  const parts = [
    textOf(properties.internetMessageId).trim(),
    foldedText(subject ?? textOf(properties.subject)),
    sent === undefined ? '' : String(Math.floor(sent / 1000)),
    personOf(properties.from).address.trim().toLowerCase(),
  ];
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 32);
}

/** Identity of an item of the backup under the subject it would get. */
export const identityKeyOfItem = (item: RestorableItem): string =>
  identityKeyOf(item.properties, item.subject);
