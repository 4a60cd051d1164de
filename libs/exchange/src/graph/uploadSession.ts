import { HoldfastError, type HoldfastErrorOptions } from '@holdfast/contracts';
import { textOf } from '../message/graphMessage.ts';
import { inChunks, sourceChanged } from '../message/restorableBytes.ts';
import type { RestorableAttachment } from '../ports.ts';
import type { GraphLine } from './line.ts';

/**
 * Outlook takes at most 4 MB a request, in order; the rule of multiples of 320 KiB is OneDrive's. This is 12 of
 * those all the same, below 4 MB by either reading of "MB".
 */
export const uploadChunkBytes = 12 * 327_680;

/** An upload session takes no more. */
export const mostAttachmentBytes = 150 * 1024 * 1024;

/** The session ended before the file was complete, or nobody knows how far it got. */
export class UploadSessionLost extends HoldfastError {
  constructor(options: HoldfastErrorOptions = {}) {
    super('upload-session-lost', 'transient', 'The upload of a large attachment was interrupted.', {
      remedy: 'Nothing to do: the attachment is uploaded again.',
      ...options,
    });
  }
}

/** Refusals that say something of the session rather than of mailbox or permission. */
const sessionStatuses = new Set<unknown>([400, 401, 404, 409, 410, 416]);

/**
 * Uploads a large attachment chunk by chunk from its stream; one chunk is in memory. The upload address is a
 * secret of its own: it gets no token and appears in no message. A chunk is repeated by the line when its outcome
 * is unknown; when the service then says that it came twice, the session is lost.
 *
 * @returns bytes sent
 * @throws UploadSessionLost
 */
export async function uploadAttachment(
  line: GraphLine,
  messagePath: string,
  attachment: RestorableAttachment,
  size: number,
): Promise<number> {
  const session = await line.json({
    method: 'POST',
    url: `${messagePath}/attachments/createUploadSession`,
    what: 'opening an upload session',
    body: JSON.stringify({
      AttachmentItem: {
        attachmentType: 'file',
        name: attachment.name === '' ? 'attachment' : attachment.name,
        size,
        isInline: attachment.isInline,
        ...(attachment.contentType === undefined ? {} : { contentType: attachment.contentType }),
        ...(attachment.contentId === undefined ? {} : { contentId: attachment.contentId }),
      },
    }),
    // A session that nobody uses ends by itself.
    repeatable: true,
  });
  const url = textOf(session.uploadUrl);
  if (url === '') {
    throw new HoldfastError('upload-session-missing', 'transient', 'Exchange opened no upload session.', {
      remedy: 'Nothing to do: it is tried again by itself.',
    });
  }
  let sent = 0;
  for await (const chunk of inChunks(attachment.open(), uploadChunkBytes)) {
    const last = sent + chunk.byteLength - 1;
    if (last >= size) throw sourceChanged(attachment.name);
    await putChunk(line, url, chunk, `bytes ${sent}-${last}/${size}`);
    sent += chunk.byteLength;
  }
  if (sent !== size) throw sourceChanged(attachment.name);
  return sent;
}

async function putChunk(line: GraphLine, url: string, chunk: Uint8Array, range: string): Promise<void> {
  try {
    await line.text({
      method: 'PUT',
      url,
      what: 'uploading a large attachment',
      upload: true,
      body: chunk,
      headers: { 'content-type': 'application/octet-stream', 'content-range': range },
    });
  } catch (error) {
    if (!(error instanceof HoldfastError) || !sessionStatuses.has(error.details.status)) throw error;
    throw new UploadSessionLost({ details: error.details, cause: error });
  }
}
