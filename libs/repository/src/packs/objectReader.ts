import { Damaged, hasCode } from '../errors.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, openFrame, parseFrameHeader } from '../format/frame.ts';
import { type ObjectType, ObjectType as ObjectTypes } from '../format/objectTypes.ts';
import type { Location } from '../index/indexDatabase.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { BlobStore } from '../ports.ts';
import type { FrameOpener } from './frameOpener.ts';
import { PackBlocks } from './packBlocks.ts';

export interface PlainObject {
  type: ObjectType;
  plain: Buffer;
}

export interface OpenedFrame {
  frame: Uint8Array;
  header: FrameHeader;
  object: PlainObject;
}

/** Frames that are sealed but not durable yet; a writer reads its own tree pages from there. */
export interface PendingFrames {
  frame(id: Uint8Array): Promise<Uint8Array | undefined>;
}

/**
 * Reads objects by id: location from the index, bytes from the pack, then decrypt, inflate and re-hash. When
 * one copy is damaged or gone the others are tried, then the index is refreshed once (a collector may have
 * copied the object forward).
 */
export class ObjectReader {
  readonly #blocks: PackBlocks;
  readonly #index: ObjectIndex;
  readonly #keys: MasterKeys;
  #pending: PendingFrames | undefined;

  constructor(store: BlobStore, index: ObjectIndex, keys: MasterKeys) {
    this.#blocks = new PackBlocks(store);
    this.#index = index;
    this.#keys = keys;
  }

  usePending(pending: PendingFrames | undefined): void {
    this.#pending = pending;
  }

  /** Opened by `opener` where that is worth it. Throws `Damaged`: `object-missing` when no copy is listed, else what was wrong with the last copy. */
  async read(id: Uint8Array, opener?: FrameOpener): Promise<PlainObject> {
    const opened = opener && (await this.#openedBy(opener, id));
    return opened ?? (await this.#opened(id)).object;
  }

  /** In a thread; undefined when it is not worth it or did not work out. */
  async #openedBy(opener: FrameOpener, id: Uint8Array): Promise<PlainObject | undefined> {
    const location = this.#index.locate(id)[0];
    if (!location || !opener.isWorth(location.bodyLength, location.rawLength)) return undefined;
    try {
      const frame = await this.#readAt(location);
      const { id: inside, rawLength, type } = parseFrameHeader(frame);
      if (inside.compare(id) !== 0 || rawLength !== location.rawLength) return undefined;
      const plain = await opener.open(frame, rawLength);
      return plain && { type, plain };
    } catch (error) {
      // The patient way tries other copies and says what is wrong.
      if (error instanceof Damaged || hasCode(error, 'blob-not-found')) return undefined;
      throw error;
    }
  }

  /** The object and its sealed frame, which can be put into another pack as it is. */
  async readWithFrame(id: Uint8Array): Promise<OpenedFrame> {
    const { frame, object } = await this.#opened(id);
    // What blocks lend is gone in the next turn of the event loop.
    const own = new Uint8Array(frame);
    return { frame: own, header: parseFrameHeader(own), object };
  }

  async #opened(id: Uint8Array): Promise<OpenedFrame> {
    const pending = await this.#pending?.frame(id);
    if (pending) return this.#open(pending, id);
    const first = await this.#tryCopies(id);
    if (first.opened) return first.opened;
    await this.#index.refresh();
    const second = await this.#tryCopies(id);
    if (second.opened) return second.opened;
    throw second.error ?? first.error ?? missing(id);
  }

  #open(frame: Uint8Array, id: Uint8Array): OpenedFrame {
    const { header, plain } = openFrame(this.#keys, frame, frame.subarray(FRAME_HEADER_BYTES), id);
    return { frame, header, object: { type: header.type, plain } };
  }

  async #tryCopies(id: Uint8Array): Promise<{ opened?: OpenedFrame; error?: unknown }> {
    let error: unknown;
    for (const location of this.#index.locate(id)) {
      try {
        return { opened: this.#open(await this.#readAt(location), id) };
      } catch (problem) {
        const tryNext = problem instanceof Damaged || hasCode(problem, 'blob-not-found');
        if (!tryNext) throw problem;
        this.#blocks.forget(location.packName);
        error = problem;
      }
    }
    return { error };
  }

  /** The type of an object, without reading it; undefined when it is not there. */
  async typeOf(id: Uint8Array): Promise<ObjectType | undefined> {
    const listed = this.#index.locate(id)[0]?.type;
    if (listed !== undefined) return listed;
    const pending = await this.#pending?.frame(id);
    return pending && parseFrameHeader(pending).type;
  }

  /**
   * The sealed frame of a part as it lies in its pack, unproven, in memory of its own; undefined for anything but
   * one listed part.
   */
  async partFrame(id: Uint8Array): Promise<Uint8Array | undefined> {
    const location = this.#index.locate(id)[0];
    if (location?.type !== ObjectTypes.part) return undefined;
    const { bodyLength, offset, packName } = location;
    return this.#blocks.readOwn(packName, offset, FRAME_HEADER_BYTES + bodyLength);
  }

  /** A frame at a place that the index does not list yet. */
  async readPlaced(
    pack: string | undefined,
    offset: number,
    length: number,
  ): Promise<Uint8Array | undefined> {
    return pack === undefined ? undefined : this.#blocks.read(pack, offset, length);
  }

  async #readAt(location: Location): Promise<Uint8Array> {
    return this.#blocks.read(location.packName, location.offset, FRAME_HEADER_BYTES + location.bodyLength);
  }
}

function missing(id: Uint8Array): Damaged {
  const hex = Buffer.from(id).toString('hex');
  return new Damaged('object-missing', `Object ${hex.slice(0, 16)}… is not in the repository.`, {
    details: { objectId: hex },
  });
}
