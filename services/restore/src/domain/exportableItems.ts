import { HoldfastError } from '@holdfast/contracts';
import { type ExportItem, folderPaths } from '@holdfast/export';
import type { PointContents } from '../ports.ts';
import { numberItems } from './numberedItems.ts';
import { folderTree, type PlannedFolder } from './planRestore.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const notThere = () =>
  new HoldfastError(
    'item-not-in-point',
    'permanent-item',
    'The item is not in this folder of the restore point.',
    {
      remedy: 'Choose the item from the list of the restore point.',
    },
  );

/**
 * The items of the planned folders in the order of the plan, for an export: the same whenever it is asked, because a
 * restore point does not change. `beforeItem` is called before an item is read, and may throw to end the export.
 */
export async function* exportableItems(
  point: PointContents,
  planned: readonly PlannedFolder[],
  beforeItem: () => Promise<void>,
): AsyncGenerator<ExportItem> {
  const folders = await point.folders();
  const places = folderPaths(folders);
  const tree = folderTree(folders);
  for (const one of planned) {
    const { folder } = one;
    const common = {
      folderId: folder.id,
      folderPath: tree.pathOf(folder.id),
      place: places.get(folder.id) ?? [],
    };
    for await (const { item, itemKey } of numberItems(point, one, 0)) {
      const summary = item?.summary ?? {};
      yield {
        ...common,
        itemKey,
        time: new Date(item?.time ?? 0).toISOString(),
        subject: text(summary.subject),
        from: text(summary.from),
        size: item?.size ?? 0,
        state: item?.state ?? {},
        async load() {
          await beforeItem();
          if (item === undefined) throw notThere();
          const { mime, properties } = await point.read(item.objectId);
          return { mime, properties };
        },
      };
    }
  }
}
