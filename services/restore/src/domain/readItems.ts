import type { RestoreInput } from '@holdfast/contracts';
import type { PointContents, PointItem } from '../ports.ts';
import { mapInOrder } from './inOrder.ts';
import { withKeptState } from './keptState.ts';
import { type NumberedItem, numberItems } from './numberedItems.ts';
import type { PlannedFolder } from './planRestore.ts';
import { type Restorable, restorableOf } from './restorableItem.ts';

/** An item as it will be put back, or why the restore point does not give it. */
export type ReadItem = Pick<NumberedItem, 'itemKey' | 'position'> &
  ({ entry: PointItem; restorable: Restorable } | { entry: PointItem | undefined; error: unknown });

export interface ReadOptions {
  keep: RestoreInput['keep'];
  firstPosition: number;
  /** Positions that are of interest; the others are passed over. */
  isWanted: (position: number) => boolean;
  /** Called with every position, wanted or not. */
  onPosition?: (position: number) => void;
  /** What an item is that was asked for and is not there. */
  missing: (itemKey: string) => unknown;
}

/** Items read ahead; each holds the properties of a message, contents are read when they are needed. */
const readAhead = 8;

/** The wanted items of a folder in the order of the plan, with their properties. */
export function readItems(
  point: PointContents,
  planned: PlannedFolder,
  options: ReadOptions,
): AsyncGenerator<ReadItem> {
  const { keep, missing } = options;
  async function* wanted(): AsyncIterable<NumberedItem> {
    for await (const numbered of numberItems(point, planned, options.firstPosition)) {
      options.onPosition?.(numbered.position);
      if (options.isWanted(numbered.position)) yield numbered;
    }
  }
  return mapInOrder(wanted(), readAhead, async ({ item: entry, itemKey, position }): Promise<ReadItem> => {
    if (entry === undefined) return { itemKey, position, entry, error: missing(itemKey) };
    try {
      const restorable = restorableOf(entry, await point.read(entry.objectId));
      return {
        ...{ itemKey, position, entry },
        restorable: { ...restorable, item: withKeptState(restorable.item, keep) },
      };
    } catch (error) {
      return { itemKey, position, entry, error };
    }
  });
}
