import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { type MimePart, MimeScanner, scanMime } from '@holdfast/mime';
import { hasAttachmentHeader } from '../message/attachmentHeader.ts';
import { customHeadersOf } from '../message/customHeaders.ts';
import { hasInlineReference } from '../message/graphMessage.ts';
import { mayReferInline } from '../message/listedBody.ts';
import { type ListedAttachment, matchAttachments } from '../message/matchAttachments.ts';
import { attachmentRecord, type StoredAttachment } from '../message/storedAttachments.ts';
import type { ExtraPart, ItemContent, ItemUpsert } from '../ports.ts';
import { Spool } from '../spool.ts';
import { listedAttachments, nestedMessage } from './attachments.ts';
import type { BufferPool } from './bufferPool.ts';
import type { HttpAnswer } from './httpAnswer.ts';
import { announcedLength, CutShort, type GraphLine } from './line.ts';

/** Larger contents go through a spool file. */
export const smallContentBytes = 4 * 1024 * 1024;

/** Nested messages whose properties are asked for; a mail with more is a digest, and its MIME has them all. */
const mostNestedMessages = 20;

type Content = Uint8Array | Spool;

/** What the first requests of an item brought. */
interface Fetched {
  properties: JsonObject;
  path: string;
  mime: Content;
  attachments: readonly ListedAttachment[];
  held: Spool[];
}

/** Both, or the first error after both have ended, so that nothing goes on behind the caller's back. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

export interface ContentSettings {
  /** Memory of contents that come as one buffer. */
  memory: BufferPool;
  spoolDirectory: string;
  /** True while the service is known to be down: then a failing item says nothing about the item. */
  isDown: () => boolean;
}

/** Fetches the MIME and the attachments of messages. */
export class ContentReader {
  private readonly line: GraphLine;
  private readonly userPath: string;
  private readonly settings: ContentSettings;
  private readonly open = new Set<Spool>();

  constructor(line: GraphLine, userPath: string, settings: ContentSettings) {
    this.line = line;
    this.userPath = userPath;
    this.settings = settings;
  }

  /** Files of contents that were handed over and not read yet. */
  get openSpools(): number {
    return this.open.size;
  }

  /** @throws vanished, permanent-item */
  async content(item: ItemUpsert): Promise<ItemContent> {
    const path = `${this.userPath}/messages/${encodeURIComponent(item.id)}`;
    const listed = item.properties;
    const refersInline = item.body === undefined ? hasInlineReference(listed) : mayReferInline(item.body);
    const withAttachments = listed.hasAttachments === true || refersInline;
    const held: Spool[] = [];
    try {
      const [mime, announced] = await both(
        this.fetch(`${path}/$value`, 'reading a message as MIME', held, this.settings.memory),
        withAttachments ? listedAttachments(this.line, path) : Promise.resolve([]),
      );
      // `hasAttachments` leaves out inline ones, and not every inline one is shown by the body.
      const hidden = !withAttachments && (await mayHoldAttachments(mime));
      const attachments = hidden ? await listedAttachments(this.line, path) : announced;
      const headers = customHeadersOf(await startOf(mime));
      const properties = headers.length === 0 ? listed : { ...listed, internetMessageHeaders: headers };
      const more = {
        ...(item.body === undefined ? {} : { body: item.body }),
        ...(mime instanceof Uint8Array ? { release: () => this.settings.memory.give(mime) } : {}),
      };
      if (attachments.length === 0) return { properties, ...more, mime: this.handOver(mime), extraParts: [] };
      return { ...(await this.withAttachments({ properties, path, mime, attachments, held })), ...more };
    } catch (error) {
      await Promise.all(held.map((spool) => this.release(spool)));
      throw this.itemError(error);
    }
  }

  /** Gives back the files of contents that nobody has read. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((spool) => this.release(spool)));
  }

  private async withAttachments({
    properties,
    path,
    mime,
    attachments,
    held,
  }: Fetched): Promise<ItemContent> {
    const pairs = matchAttachments(attachments, await structureOf(mime));
    const records: JsonObject[] = [];
    const extraParts: ExtraPart[] = [];
    let nested = 0;
    for (const [index, attachment] of attachments.entries()) {
      const { id, ...facts } = attachment;
      const record: StoredAttachment = {
        ...facts,
        bytes: { source: 'none', reason: 'It is a link, not a file.' },
      };
      if (attachment.kind === 'item' && nested++ < mostNestedMessages) {
        const nestedProperties = await nestedMessage(this.line, path, id);
        if (nestedProperties !== undefined) record.itemProperties = nestedProperties;
      }
      const part = pairs.get(id);
      if (part !== undefined) record.bytes = { source: 'mime', partPath: part.path };
      else if (attachment.kind !== 'reference') {
        const name = `attachment-${index + 1}`;
        const url = `${path}/attachments/${encodeURIComponent(id)}/$value`;
        record.bytes = await this.extraPart(url, name, extraParts, held);
      }
      records.push(attachmentRecord(record));
    }
    return {
      properties: { ...properties, attachments: records },
      mime: this.handOver(mime),
      extraParts,
    };
  }

  /** An attachment that Exchange cannot open is recorded; the message is kept without it. */
  private async extraPart(
    url: string,
    name: string,
    into: ExtraPart[],
    held: Spool[],
  ): Promise<StoredAttachment['bytes']> {
    try {
      const data = this.handOver(await this.fetch(url, 'reading an attachment', held));
      into.push({ name, data: data instanceof Uint8Array ? onePiece(data) : data });
      return { source: 'extra', name };
    } catch (error) {
      const lost =
        error instanceof HoldfastError &&
        (error.errorClass === 'permanent-item' ||
          error.errorClass === 'vanished' ||
          error.errorClass === 'ours');
      if (!lost) throw error;
      return { source: 'none', reason: error.message };
    }
  }

  /** Notes in `held` what is to be given back should the item fail later. */
  private async fetch(url: string, what: string, held: Spool[], memory?: BufferPool): Promise<Content> {
    const request = { url, what, raw: true, headers: { 'accept-encoding': 'identity' } };
    const content = await this.line.perform(request, (answer) => this.body(answer, memory));
    if (content instanceof Spool) held.push(content);
    return content;
  }

  /** Small bodies in memory, large ones in a spool; both complete, or the request is made again. */
  private async body(answer: HttpAnswer, memory: BufferPool | undefined): Promise<Content> {
    const announced = announcedLength(answer);
    const { statistics } = this.line.deps;
    if (announced !== undefined && announced < smallContentBytes) {
      const bytes = memory?.take(announced) ?? new Uint8Array(announced);
      const size = await answer.body.into(bytes);
      statistics.bytesRead += size;
      if (size !== announced) throw new CutShort(announced, size);
      return bytes;
    }
    const pieces: Uint8Array[] = [];
    let size = 0;
    let spool: Spool | undefined;
    try {
      for await (const piece of answer.body) {
        size += piece.byteLength;
        statistics.bytesRead += piece.byteLength;
        if (spool === undefined && size < smallContentBytes) {
          pieces.push(piece);
          continue;
        }
        spool ??= await this.spoolOf(pieces);
        await spool.write(piece);
      }
      if (announced !== undefined && size !== announced) throw new CutShort(announced, size);
    } catch (error) {
      if (spool !== undefined) await this.release(spool);
      throw error;
    }
    return spool ?? Buffer.concat(pieces);
  }

  private async spoolOf(pieces: readonly Uint8Array[]): Promise<Spool> {
    const spool = await Spool.create(this.settings.spoolDirectory);
    this.open.add(spool);
    for (const piece of pieces) await spool.write(piece);
    return spool;
  }

  private async release(spool: Spool): Promise<void> {
    this.open.delete(spool);
    await spool.close();
  }

  private handOver(content: Content): Uint8Array | AsyncIterable<Uint8Array> {
    if (content instanceof Uint8Array) return content;
    const release = () => this.release(content);
    return (async function* () {
      try {
        yield* content.read();
      } finally {
        await release();
      }
    })();
  }

  /** One bad item is a gap and not the end of the mailbox, however the service words it. */
  private itemError(error: unknown): unknown {
    if (!(error instanceof HoldfastError)) return error;
    const status = error.details.status;
    const refused = error.errorClass === 'ours' && typeof status === 'number' && status < 500;
    // After all repeats, while others of the service answer: it is this item.
    const broken = error.errorClass === 'transient' && status === 500 && !this.settings.isDown();
    if (!refused && !broken) return error;
    return new HoldfastError('item-unreadable', 'permanent-item', error.message, {
      remedy: 'It is tried again in later runs. If it stays so, open the item in Outlook: it may be damaged.',
      details: error.details,
      cause: error,
    });
  }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function startOf(content: Content): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content;
  for await (const piece of content.read()) return piece;
  return new Uint8Array();
}

/** Whether a part of the MIME says that it is an attachment or an inline one. */
async function mayHoldAttachments(content: Content): Promise<boolean> {
  return content instanceof Uint8Array
    ? hasAttachmentHeader(content)
    : saysAttachment(await structureOf(content));
}

const saysAttachment = (part: MimePart): boolean =>
  part.disposition !== undefined || part.contentId !== undefined || part.children.some(saysAttachment);

async function structureOf(content: Content): Promise<MimePart> {
  if (content instanceof Uint8Array) return scanMime(content);
  const scanner = new MimeScanner();
  for await (const piece of content.read()) scanner.push(piece);
  return scanner.end();
}
