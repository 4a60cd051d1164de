import { createHash } from 'node:crypto';
import { Base64LineEncoder, encodeBase64Lines, encodedLength } from '@holdfast/mime';
import { Damaged, hasCode } from '../errors.ts';
import type { JsonObject } from '../format/canonicalJson.ts';
import { ownCopy } from '../format/copyBytes.ts';
import { type ItemHead, type MimeOp, parseItem, parseRecipe, parseReferences } from '../format/itemObject.ts';
import { ObjectType } from '../format/objectTypes.ts';
import type { FrameOpener } from './frameOpener.ts';
import type { LentMessage, MessageRebuilder } from './messageRebuilder.ts';
import type { ObjectReader } from './objectReader.ts';
import type { RebuildRequest } from './rebuildMessage.ts';

/** A content that can be read, any number of times, in pieces of a few MB at most. */
export interface StoredContent {
  /** Bytes. */
  size: number;
  /** Hex. Checked when the content is read to its end; a difference throws `Damaged`. */
  sha256: string;
  open(options?: ReadOptions): AsyncIterable<Uint8Array>;
}

export interface ReadOptions {
  /**
   * Pieces are only lent: valid until the next one is asked for. For readers that pass bytes on at once; their
   * memory is given back without waiting for the garbage collector.
   */
  lend?: boolean;
}

/** A part of the message that is stored as an object of its own, decoded. */
export interface StoredMimePart {
  path: string;
  contentType: string;
  fileName: string | undefined;
  /** Decoded bytes. */
  size: number;
  objectId: string;
  open(): AsyncIterable<Uint8Array>;
}

export interface StoredItem {
  properties: JsonObject;
  mime: (StoredContent & { parts: StoredMimePart[] }) | undefined;
  extraParts: (StoredContent & { name: string })[];
}

/** Reads an item by the id that `storeItem` answered. Contents are fetched when they are opened. */
export async function readItem(
  reader: ObjectReader,
  objectId: string,
  opener: FrameOpener,
  rebuilder: MessageRebuilder,
): Promise<StoredItem> {
  const { head, inline } = parseItem(await itemPlain(reader, Buffer.from(objectId, 'hex'), opener));
  const ops = head.mime?.ops ?? [];
  return {
    properties: await propertiesOf(reader, head),
    mime: head.mime && {
      size: head.mime.size,
      sha256: head.mime.sha256,
      open: (options) =>
        openMime(
          reader,
          { ops, inline, size: head.mime?.size ?? 0, sha256: head.mime?.sha256 ?? '' },
          rebuilder,
          options?.lend === true,
        ),
      parts: ops.flatMap((op) => mimePart(reader, op)),
    },
    extraParts: extraParts(reader, head, inline),
  };
}

type MessageFacts = Omit<RebuildRequest, 'frames'> & { inline: Buffer };

/** Messages with parts up to this are rebuilt in a thread; larger ones flow through in pieces. */
const LARGEST_IN_THREAD = 4 * 1024 * 1024;

async function* openMime(
  reader: ObjectReader,
  message: MessageFacts,
  rebuilder: MessageRebuilder,
  lend: boolean,
): AsyncIterable<Uint8Array> {
  const hasParts = message.ops.some(([kind]) => kind === 'o' || kind === 'e');
  const whole = hasParts && message.size <= LARGEST_IN_THREAD && (await inThread(reader, message, rebuilder));
  if (!whole) {
    yield* checked(rebuildMime(reader, message.ops, message.inline), message.size, message.sha256);
    return;
  }
  try {
    yield lend ? whole.bytes : ownCopy(whole.bytes);
  } finally {
    whole.giveBack();
  }
}

async function inThread(
  reader: ObjectReader,
  message: MessageFacts,
  rebuilder: MessageRebuilder,
): Promise<LentMessage | undefined> {
  const ids = new Set(message.ops.flatMap((op) => (op[0] === 'o' || op[0] === 'e' ? [op[1]] : [])));
  const frames: { id: string; bytes: Uint8Array }[] = [];
  for (const id of ids) {
    const bytes = await partFrame(reader, id);
    if (!bytes) return undefined;
    frames.push({ id, bytes });
  }
  return rebuilder.rebuild({ ...message, frames });
}

/** A pack that is gone is no reason to fail here: the patient way tries other copies and says what is wrong. */
async function partFrame(reader: ObjectReader, id: string): Promise<Uint8Array | undefined> {
  try {
    return await reader.partFrame(Buffer.from(id, 'hex'));
  } catch (error) {
    if (hasCode(error, 'blob-not-found')) return undefined;
    throw error;
  }
}

async function itemPlain(reader: ObjectReader, id: Buffer, opener: FrameOpener): Promise<Buffer> {
  const { type, plain } = await reader.read(id, opener);
  if (type === ObjectType.item) return plain;
  if (type === ObjectType.references) {
    const inner = await reader.read(parseReferences(plain).item, opener);
    if (inner.type === ObjectType.item) return inner.plain;
  }
  throw new Damaged('damaged-item', `Object ${id.toString('hex').slice(0, 16)}… is not an item.`);
}

async function propertiesOf(reader: ObjectReader, head: ItemHead): Promise<JsonObject> {
  if (!head.propertiesIn) return head.properties ?? {};
  const pieces: Uint8Array[] = [];
  for await (const piece of readContent(reader, head.propertiesIn[0])) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString('utf8'));
}

function mimePart(reader: ObjectReader, op: MimeOp): StoredMimePart[] {
  if (op[0] !== 'e') return [];
  const [, objectId, size, , , , facts] = op;
  return [
    {
      path: facts?.path ?? '',
      contentType: facts?.type ?? 'application/octet-stream',
      fileName: facts?.name,
      size,
      objectId,
      open: () => readContent(reader, objectId),
    },
  ];
}

function extraParts(reader: ObjectReader, head: ItemHead, inline: Buffer): StoredItem['extraParts'] {
  let at = (head.mime?.ops ?? []).reduce((sum, op) => sum + (op[0] === 't' || op[0] === 'b' ? op[1] : 0), 0);
  return (head.parts ?? []).map(([name, size, sha256, objectId]) => {
    if (objectId !== null)
      return { name, size, sha256, open: () => checked(readContent(reader, objectId), size, sha256) };
    const bytes = inline.subarray(at, at + size);
    at += size;
    return { name, size, sha256, open: () => checked(once(bytes), size, sha256) };
  });
}

/** The bytes of a `part`, or of the segments that a `recipe` lists. */
export async function* readContent(reader: ObjectReader, objectId: string): AsyncIterable<Uint8Array> {
  const { type, plain } = await reader.read(Buffer.from(objectId, 'hex'));
  if (type === ObjectType.part) {
    yield plain;
    return;
  }
  if (type !== ObjectType.recipe)
    throw new Damaged('damaged-item', `Object ${objectId.slice(0, 16)}… is not a content.`);
  for (const id of parseRecipe(plain).segments) {
    const segment = await reader.read(id);
    if (segment.type !== ObjectType.segment)
      throw new Damaged('damaged-item', 'A content names what is no segment.');
    yield segment.plain;
  }
}

async function* rebuildMime(
  reader: ObjectReader,
  ops: readonly MimeOp[],
  inline: Buffer,
): AsyncIterable<Uint8Array> {
  let at = 0;
  for (const op of ops) {
    switch (op[0]) {
      case 't':
        yield inline.subarray(at, at + op[1]);
        at += op[1];
        break;
      case 'b': {
        const [, size, lineLength, breakBytes, last] = op;
        yield encodeWhole(inline.subarray(at, at + size), layoutOf(lineLength, breakBytes, last));
        at += size;
        break;
      }
      case 'o':
        yield* readContent(reader, op[1]);
        break;
      case 'e': {
        const [, objectId, , lineLength, breakBytes, last] = op;
        yield* encoded(readContent(reader, objectId), layoutOf(lineLength, breakBytes, last));
      }
    }
  }
}

type Layout = Parameters<typeof encodedLength>[1];

function layoutOf(lineLength: number, breakBytes: number, last: number): Layout {
  return { lineLength, breakBytes: breakBytes === 2 ? 2 : breakBytes === 1 ? 1 : 0, finalBreak: last === 1 };
}

function encodeWhole(bytes: Buffer, layout: Layout): Buffer {
  const target = Buffer.allocUnsafeSlow(encodedLength(bytes.length, layout));
  encodeBase64Lines(bytes, 0, bytes.length, layout, target, 0);
  return target;
}

async function* encoded(content: AsyncIterable<Uint8Array>, layout: Layout): AsyncIterable<Uint8Array> {
  const encoder = new Base64LineEncoder(layout);
  for await (const piece of content) {
    const text = encoder.push(piece);
    if (text.length > 0) yield text;
  }
  yield encoder.end();
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** Passes the bytes on and throws at the end when they are not what was stored. */
async function* checked(
  content: AsyncIterable<Uint8Array>,
  size: number,
  sha256: string,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let seen = 0;
  for await (const piece of content) {
    hash.update(piece);
    seen += piece.length;
    yield piece;
  }
  if (seen !== size || hash.digest('hex') !== sha256) {
    throw new Damaged('damaged-item', 'A stored content does not hash to what was stored.', {
      details: { size, seen },
    });
  }
}
