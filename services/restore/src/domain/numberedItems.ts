import type { PointContents, PointItem } from '../ports.ts';
import type { PlannedFolder } from './planRestore.ts';

/** An item with its place in the order of the plan; undefined when it was asked for and is not in the restore point. */
export interface NumberedItem {
  item: PointItem | undefined;
  itemKey: string;
  position: number;
}

/**
 * Items of a folder in the order of the tree with their positions; wanted ones that are not there come last. The same
 * whenever it is asked: a restore point does not change.
 */
export async function* numberItems(
  point: PointContents,
  { folder, itemKeys }: PlannedFolder,
  firstPosition: number,
): AsyncIterable<NumberedItem> {
  let position = firstPosition;
  const left = itemKeys === undefined ? undefined : new Set(itemKeys);
  for await (const item of point.items(folder.id)) {
    if (left !== undefined && !left.delete(item.key)) continue;
    yield { item, itemKey: item.key, position: position++ };
    if (left?.size === 0) return;
  }
  for (const itemKey of [...(left ?? [])].sort()) yield { item: undefined, itemKey, position: position++ };
}
