import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import type { ListedAttachment } from '../message/matchAttachments.ts';
import type { GraphLine } from './line.ts';
import { pagesOf } from './paging.ts';

/** Without `contentBytes`: a listing with contents times out for large ones. `contentId` is of file attachments. */
const fields =
  'id,name,contentType,size,isInline,lastModifiedDateTime,microsoft.graph.fileAttachment/contentId';

function kindOf(type: string): ListedAttachment['kind'] {
  if (type.endsWith('itemattachment')) return 'item';
  return type.endsWith('referenceattachment') ? 'reference' : 'file';
}

function listedAttachment(row: JsonObject): ListedAttachment {
  const contentId = textOf(row.contentId).replace(/^<|>$/g, '');
  const lastModifiedDateTime = textOf(row.lastModifiedDateTime);
  return {
    id: textOf(row.id),
    kind: kindOf(textOf(row['@odata.type']).toLowerCase()),
    name: textOf(row.name),
    contentType: textOf(row.contentType),
    size: typeof row.size === 'number' ? row.size : 0,
    isInline: row.isInline === true,
    ...(contentId === '' ? {} : { contentId }),
    ...(lastModifiedDateTime === '' ? {} : { lastModifiedDateTime }),
  };
}

/** The attachments of a message without their contents. */
export async function listedAttachments(line: GraphLine, messagePath: string): Promise<ListedAttachment[]> {
  const attachments: ListedAttachment[] = [];
  const url = `${messagePath}/attachments?$select=${fields}`;
  for await (const rows of pagesOf(line, {
    url,
    what: 'listing attachments',
    prefer: 'odata.maxpagesize=200',
  })) {
    attachments.push(...rows.map(listedAttachment));
  }
  return attachments;
}

/** Properties of a nested item; undefined when Exchange does not give them, then its bytes alone are kept. */
export async function nestedMessage(
  line: GraphLine,
  messagePath: string,
  attachmentId: string,
): Promise<JsonObject | undefined> {
  const path = `${messagePath}/attachments/${encodeURIComponent(attachmentId)}`;
  const url = `${path}?$expand=microsoft.graph.itemAttachment/item`;
  try {
    const { item } = await line.json({ url, what: 'reading a nested message' });
    return item === undefined || item === null ? undefined : objectOf(item);
  } catch (error) {
    const unavailable =
      error instanceof HoldfastError && ['vanished', 'permanent-item', 'ours'].includes(error.errorClass);
    if (!unavailable) throw error;
    return undefined;
  }
}
