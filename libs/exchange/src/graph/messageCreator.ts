import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { expectedMessage } from '../message/compareMessages.ts';
import { textOf } from '../message/graphMessage.ts';
import { bytesUpTo, measured } from '../message/restorableBytes.ts';
import {
  type Care,
  creatingMessage,
  markerPropertyId,
  markerValue,
  type NotRestored,
} from '../message/restoreJson.ts';
import type { CreatedItem, RestorableAttachment, RestorableItem } from '../ports.ts';
import { fileJson, inlineAttachments, type Planned, planAttachments } from './attachmentPlan.ts';
import { listedAttachments } from './attachments.ts';
import type { GraphLine } from './line.ts';
import { rowsOf } from './paging.ts';
import { isOutcomeUnknown } from './retryPolicy.ts';
import { mostAttachmentBytes, UploadSessionLost, uploadAttachment } from './uploadSession.ts';

/** "4 MB" for a whole request, below it by either reading and with room for what a proxy adds. */
export const mostRequestBytes = 3_990_000;
/** Surely fit for a single POST in base64. */
const smallAttachmentBytes = 2_980_000;
/** From here on an upload session is surely accepted. */
const sessionAttachmentBytes = 3 * 1024 * 1024;
const mostCreateTries = 3;

/** A message that was made, and the read flag it got. */
interface Posted {
  id: string;
  bytesSent: number;
  isRead?: boolean;
}

/** The service does not take what was sent; nothing was made. */
const isRefused = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError &&
  error.details.status === 400 &&
  error.details.doing === creating &&
  ['ours', 'permanent-item'].includes(error.errorClass);

const creating = 'creating a message';

/** Creates messages with their attachments, so that a kill at any moment leaves something recognisable. */
export class MessageCreator {
  private readonly line: GraphLine;
  private readonly userPath: string;

  constructor(line: GraphLine, userPath: string) {
    this.line = line;
    this.userPath = userPath;
  }

  /**
   * One request when everything fits into it; else the message is made with the marker "unfinished", then its
   * attachments, then the marker is set to finished.
   */
  async create(
    folderId: string,
    item: RestorableItem,
    marker: string,
    replaces?: string,
  ): Promise<CreatedItem> {
    const mark = { marker, replaces };
    try {
      return await this.createOnce(folderId, item, mark, { careful: false, notRestored: [] });
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    try {
      return await this.createOnce(folderId, item, mark, { careful: true, notRestored: [] });
    } catch (error) {
      if (!isRefused(error)) throw error;
      throw new HoldfastError('item-refused', 'permanent-item', error.message, {
        remedy: 'Exchange does not accept this item. Export it instead.',
        details: error.details,
        cause: error,
      });
    }
  }

  private async createOnce(
    folderId: string,
    item: RestorableItem,
    { marker, replaces }: { marker: string; replaces: string | undefined },
    care: Care,
  ): Promise<CreatedItem> {
    const { notRestored } = care;
    const planned = planAttachments(item.attachments, care);
    const properties = expectedMessage(item);
    const whole = creatingMessage(properties, marker, true, care, replaces);
    const room = mostRequestBytes - Buffer.byteLength(JSON.stringify(whole)) - 20;
    if (room <= 0) {
      throw new HoldfastError(
        'message-too-large',
        'permanent-item',
        'The text of the message alone is larger than the 4 MB that Microsoft Graph accepts in a request.',
        { remedy: 'Export the item instead.' },
      );
    }
    const inline = await inlineAttachments(planned, room);
    if (inline !== undefined) {
      const message = inline.length === 0 ? whole : { ...whole, attachments: inline };
      const posted = await this.post(folderId, message, markerValue(marker, true));
      return {
        id: posted.id,
        bytesSent: posted.bytesSent + (await this.settle(posted, properties)),
        notRestored,
      };
    }
    const unfinished = creatingMessage(properties, marker, false, { ...care, notRestored: [] }, replaces);
    const posted = await this.post(folderId, unfinished, markerValue(marker, false));
    let { bytesSent } = posted;
    let attached = 0;
    for (const plan of planned) {
      const sent = await this.attach(posted.id, plan, attached, notRestored);
      if (sent > 0) attached++;
      bytesSent += sent;
    }
    bytesSent += await this.settle(posted, properties);
    bytesSent += await this.patch(posted.id, {
      singleValueExtendedProperties: [{ id: markerPropertyId, value: markerValue(marker, true) }],
    });
    return { id: posted.id, bytesSent, notRestored };
  }

  private pathOf(id: string): string {
    return `${this.userPath}/messages/${encodeURIComponent(id)}`;
  }

  /** A creation whose outcome nobody knows is looked for by its marker before it is made again. */
  private async post(folderId: string, message: JsonObject, marker: string): Promise<Posted> {
    const folder = `${this.userPath}/mailFolders/${encodeURIComponent(folderId)}`;
    const body = JSON.stringify(message);
    const bytesSent = Buffer.byteLength(body);
    for (let tries = 1; ; tries++) {
      try {
        const created = await this.line.json({
          method: 'POST',
          url: `${folder}/messages`,
          what: creating,
          body,
        });
        const isRead = typeof created.isRead === 'boolean' ? { isRead: created.isRead } : {};
        return { id: textOf(created.id), bytesSent, ...isRead };
      } catch (error) {
        if (!isOutcomeUnknown(error)) throw error;
        const id = await this.findByMarker(folder, marker);
        if (id !== undefined) return { id, bytesSent };
        if (tries >= mostCreateTries) throw error;
      }
    }
  }

  private async findByMarker(folder: string, marker: string): Promise<string | undefined> {
    const condition = `ep/id eq '${markerPropertyId}' and ep/value eq '${marker.replaceAll("'", "''")}'`;
    const filter = encodeURIComponent(`singleValueExtendedProperties/any(ep: ${condition})`);
    const answer = await this.line.json({
      url: `${folder}/messages?$select=id&$filter=${filter}`,
      what: 'looking whether a message was created',
    });
    const [row] = rowsOf(answer);
    return row === undefined ? undefined : textOf(row.id);
  }
  /** The read flag follows the message flags of the creation on some servers; it may be changed afterwards. */
  private async settle(posted: Posted, properties: JsonObject): Promise<number> {
    const wanted = properties.isRead === true;
    if (posted.isRead === undefined || posted.isRead === wanted) return 0;
    return this.patch(posted.id, { isRead: wanted });
  }

  private async patch(id: string, change: JsonObject): Promise<number> {
    const body = JSON.stringify(change);
    const url = this.pathOf(id);
    await this.line.text({ method: 'PATCH', url, what: 'finishing a restored message', body });
    return Buffer.byteLength(body);
  }

  /** @returns bytes sent; 0 when the attachment cannot be restored */
  private async attach(
    id: string,
    plan: Planned,
    attached: number,
    notRestored: NotRestored[],
  ): Promise<number> {
    if ('json' in plan) return this.postAttachment(id, JSON.stringify(plan.json), attached);
    const { file } = plan;
    const bytes =
      file.size > sessionAttachmentBytes * 1.2 ? undefined : await bytesUpTo(file, smallAttachmentBytes);
    if (bytes !== undefined) return this.postAttachment(id, JSON.stringify(fileJson(file, bytes)), attached);
    const { size } = await measured(file);
    if (size > mostAttachmentBytes) {
      const why = 'Microsoft Graph accepts attachments of up to 150 MB.';
      notRestored.push({ what: `attachment ${file.name}`, why });
      return 0;
    }
    return this.uploadOrPost(id, file, size, attached);
  }

  /** Between "fits into a request" and "3 MB" the documentation leaves a gap: a session first, then a POST. */
  private async uploadOrPost(
    id: string,
    file: RestorableAttachment,
    size: number,
    attached: number,
  ): Promise<number> {
    try {
      return await this.upload(id, file, size, attached);
    } catch (error) {
      const tooSmall =
        error instanceof HoldfastError && error.details.status === 400 && size < sessionAttachmentBytes;
      if (!tooSmall) throw error;
      const bytes = await bytesUpTo(file, size);
      if (bytes === undefined) throw error;
      return this.postAttachment(id, JSON.stringify(fileJson(file, bytes)), attached);
    }
  }

  /** A lost session may have been complete all the same: the number of attachments tells. */
  private async upload(
    id: string,
    file: RestorableAttachment,
    size: number,
    attached: number,
  ): Promise<number> {
    const path = this.pathOf(id);
    for (let tries = 1; ; tries++) {
      try {
        return await uploadAttachment(this.line, path, file, size);
      } catch (error) {
        if (!(error instanceof UploadSessionLost)) throw error;
        const now = await listedAttachments(this.line, path);
        if (now.length > attached) return size;
        if (tries >= mostCreateTries) throw error;
      }
    }
  }

  /** When nobody knows whether it was added, the number of attachments tells. */
  private async postAttachment(id: string, body: string, attached: number): Promise<number> {
    const path = this.pathOf(id);
    for (let tries = 1; ; tries++) {
      try {
        const url = `${path}/attachments`;
        await this.line.text({ method: 'POST', url, what: 'adding an attachment', body });
        return Buffer.byteLength(body);
      } catch (error) {
        if (!isOutcomeUnknown(error)) throw error;
        const now = await listedAttachments(this.line, path);
        if (now.length > attached) return Buffer.byteLength(body);
        if (tries >= mostCreateTries) throw error;
      }
    }
  }
}
