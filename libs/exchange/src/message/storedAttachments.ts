import type { Json, JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from './graphMessage.ts';

/** Where the bytes of an attachment are found in a stored item. */
export type AttachmentBytes =
  /** A part of the MIME, as `@holdfast/mime` numbers them (`1.2`). */
  | { source: 'mime'; partPath: string }
  /** An extra part of the item by its name. */
  | { source: 'extra'; name: string }
  /** There are none: a link, or the service refused them. */
  | { source: 'none'; reason: string };

/** One attachment as `properties.attachments` records it. */
export interface StoredAttachment {
  kind: 'file' | 'item' | 'reference';
  name: string;
  contentType?: string;
  /** As Graph reports it: includes some overhead, so it is no byte count of the content. */
  size: number;
  isInline: boolean;
  contentId?: string;
  lastModifiedDateTime?: string;
  bytes: AttachmentBytes;
  /** Properties of a nested message. */
  itemProperties?: JsonObject;
}

function bytesOf(value: Json | undefined): AttachmentBytes {
  const bytes = objectOf(value);
  if (bytes.source === 'mime') return { source: 'mime', partPath: textOf(bytes.partPath) };
  if (bytes.source === 'extra') return { source: 'extra', name: textOf(bytes.name) };
  return { source: 'none', reason: textOf(bytes.reason) || 'not recorded' };
}

function storedAttachmentOf(value: Json): StoredAttachment {
  const record = objectOf(value);
  const kind = record.kind === 'item' || record.kind === 'reference' ? record.kind : 'file';
  const attachment: StoredAttachment = {
    kind,
    name: textOf(record.name),
    size: typeof record.size === 'number' ? record.size : 0,
    isInline: record.isInline === true,
    bytes: bytesOf(record.bytes),
  };
  if (typeof record.contentType === 'string') attachment.contentType = record.contentType;
  if (typeof record.contentId === 'string') attachment.contentId = record.contentId;
  if (typeof record.lastModifiedDateTime === 'string') {
    attachment.lastModifiedDateTime = record.lastModifiedDateTime;
  }
  if (record.itemProperties !== undefined) attachment.itemProperties = objectOf(record.itemProperties);
  return attachment;
}

/** The attachments that a stored item's properties record; empty when it had none. */
export function storedAttachmentsOf(properties: JsonObject): StoredAttachment[] {
  return Array.isArray(properties.attachments) ? properties.attachments.map(storedAttachmentOf) : [];
}

/** The record of an attachment as it goes into `properties.attachments`. */
export function attachmentRecord(attachment: StoredAttachment): JsonObject {
  const { bytes, itemProperties, ...facts } = attachment;
  const record: JsonObject = { ...facts, bytes: { ...bytes } };
  if (itemProperties !== undefined) record.itemProperties = itemProperties;
  return record;
}
