import type { JsonObject } from '@holdfast/contracts';
import { bytesUpTo } from '../message/restorableBytes.ts';
import { type Care, isPlainNestedMessage, nestedMessageAttachment } from '../message/restoreJson.ts';
import type { RestorableAttachment } from '../ports.ts';

/** Room for the JSON around an attachment's base64. */
const overheadBytes = 1_000;

const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/** What is to be attached: Graph's JSON where it is whole already, else a file with its bytes to come. */
export type Planned = { json: JsonObject } | { file: RestorableAttachment };

/** The file that stands for an attachment: itself, or a nested message as `.eml`. */
export function fileOf(attachment: RestorableAttachment): RestorableAttachment {
  if (attachment.kind !== 'item') {
    // Graph refuses an attachment without a name.
    return attachment.name === '' ? { ...attachment, name: 'attachment' } : attachment;
  }
  const name = attachment.name === '' ? 'message' : attachment.name;
  return {
    ...attachment,
    kind: 'file',
    name: /\.eml$/i.test(name) ? name : `${name}.eml`,
    contentType: 'message/rfc822',
  };
}

/** What becomes of each attachment; links cannot be made again, and nested messages only where JSON can hold them. */
export function planAttachments(
  attachments: readonly RestorableAttachment[],
  { careful, notRestored }: Care,
): Planned[] {
  return attachments.flatMap((attachment): Planned[] => {
    if (attachment.kind === 'reference') {
      notRestored.push({
        what: `attachment ${attachment.name}`,
        why: 'It is a link to a file in the cloud; the link is in the text of the message.',
      });
      return [];
    }
    if (attachment.kind === 'file') return [{ file: fileOf(attachment) }];
    if (!careful && isPlainNestedMessage(attachment.itemProperties)) {
      return [{ json: nestedMessageAttachment(attachment.name, attachment.itemProperties) }];
    }
    notRestored.push({
      what: `attachment ${attachment.name}`,
      why: 'A nested message with attachments of its own (or no message) was restored as an .eml file.',
    });
    return [{ file: fileOf(attachment) }];
  });
}

/** A file attachment as Graph takes it in a request. */
export const fileJson = (file: RestorableAttachment, bytes: Uint8Array): JsonObject => ({
  '@odata.type': '#microsoft.graph.fileAttachment',
  name: file.name,
  isInline: file.isInline,
  contentBytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  ...(file.contentType === undefined || file.contentType === '' ? {} : { contentType: file.contentType }),
  ...(file.contentId === undefined ? {} : { contentId: file.contentId }),
});

/** All attachments as JSON when the request stays small with them, else undefined; memory is bounded by the request. */
export async function inlineAttachments(
  planned: readonly Planned[],
  room: number,
): Promise<JsonObject[] | undefined> {
  const attachments: JsonObject[] = [];
  let left = room;
  for (const plan of planned) {
    const space = Math.floor(((left - overheadBytes) * 3) / 4);
    if (space <= 0) return undefined;
    if ('json' in plan) {
      attachments.push(plan.json);
      left -= Buffer.byteLength(JSON.stringify(plan.json)) + 1;
      continue;
    }
    // The size of a listing counts overhead of up to a tenth at most; far above, reading it is in vain.
    if (plan.file.size > space * 1.2 + 4096) return undefined;
    const bytes = await bytesUpTo(plan.file, space);
    if (bytes === undefined) return undefined;
    attachments.push(fileJson(plan.file, bytes));
    left -= base64Length(bytes.byteLength) + overheadBytes;
  }
  return left >= 0 ? attachments : undefined;
}
