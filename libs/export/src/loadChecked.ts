import { type ErrorFacts, errorFacts } from '@holdfast/contracts';
import type { ExportItem, ExportPlace, LoadedItem } from './ports.ts';

/** Contents up to this are held in memory while they are checked; larger ones on disk. */
const heldBytes = 4 * 1024 * 1024;

/** An item whose bytes were read to the end and found right before the first of them goes into a volume. */
export interface CheckedItem {
  item: ExportItem;
  loaded: LoadedItem;
  /** The message; undefined for an item that has none. */
  message: { size: number; sha256: string; open(): AsyncIterable<Uint8Array> } | undefined;
  /** Frees what holds the message. */
  drop(): Promise<void>;
}

/**
 * Reads an item. A damaged one is told by its error and costs nothing but itself (P7): half of it in a zip would cost
 * the zip. Faults that are not the item's (storage away) are thrown, so that the export stops and goes on later.
 */
export async function loadChecked(
  item: ExportItem,
  place: ExportPlace,
): Promise<CheckedItem | { item: ExportItem; failed: ErrorFacts }> {
  try {
    const loaded = await item.load();
    const { mime } = loaded;
    if (!mime) return { item, loaded, message: undefined, drop: async () => undefined };
    const { size, sha256 } = mime;
    if (size > heldBytes) {
      const spooled = await place.spool(mime.open());
      return {
        item,
        loaded,
        message: { size, sha256, open: () => spooled.open() },
        drop: () => spooled.drop(),
      };
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of mime.open()) pieces.push(piece);
    const open = async function* () {
      yield* pieces;
    };
    return { item, loaded, message: { size, sha256, open }, drop: async () => undefined };
  } catch (error) {
    const facts = errorFacts(error);
    if (!ofTheItem(facts)) throw error;
    return { item, failed: facts };
  }
}

const ofTheItem = ({ code, errorClass }: ErrorFacts): boolean =>
  errorClass === 'permanent-item' || code.startsWith('damaged') || code === 'blob-not-found';
