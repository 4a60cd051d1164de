import {
  type RestorableAttachment,
  type RestorableItem,
  type StoredAttachment,
  storedAttachmentsOf,
} from '@holdfast/exchange';
import type { PointItem, StoredItem } from '../ports.ts';
import { type MimeParts, mimePartsOf } from './mimePartBytes.ts';

export interface Restorable {
  item: RestorableItem;
  /** Attachments whose bytes the backup does not have, with the reason. */
  missing: { what: string; why: string }[];
}

/** A stored item as a writer takes it; attachments are streams over the repository. */
export function restorableOf(entry: PointItem, stored: StoredItem): Restorable {
  const parts = stored.mime === undefined ? undefined : mimePartsOf(stored.mime);
  const missing: Restorable['missing'] = [];
  const attachments: RestorableAttachment[] = [];
  for (const attachment of storedAttachmentsOf(stored.properties)) {
    const opener = openerOf(attachment, stored, parts);
    if (typeof opener === 'string' && attachment.kind !== 'reference') {
      missing.push({ what: `attachment ${attachment.name}`, why: opener });
      continue;
    }
    const { bytes: _, lastModifiedDateTime: __, ...facts } = attachment;
    attachments.push({ ...facts, open: typeof opener === 'string' ? nothing : opener });
  }
  const { attachments: _, ...properties } = stored.properties;
  return { item: { properties, state: entry.state, attachments }, missing };
}

/** How to read the bytes of an attachment, or why there are none. */
function openerOf(
  { bytes }: StoredAttachment,
  stored: StoredItem,
  parts: MimeParts | undefined,
): (() => AsyncIterable<Uint8Array>) | string {
  switch (bytes.source) {
    case 'none':
      return bytes.reason;
    case 'mime':
      return parts === undefined ? 'The stored item has no message text.' : () => parts.open(bytes.partPath);
    case 'extra': {
      const part = stored.extraParts.find(({ name }) => name === bytes.name);
      return part === undefined ? 'It is not in the stored item.' : () => part.open();
    }
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {
  // A link has no bytes.
}
