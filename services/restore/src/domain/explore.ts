import { HoldfastError, type ListedFolder, type ListedItem } from '@holdfast/contracts';
import { z } from 'zod';
import type { ItemPlace, PointContents, PointItem } from '../ports.ts';
import { folderTree } from './planRestore.ts';

/** The folders of a restore point, sorted by path. */
export async function exploreFolders(point: PointContents): Promise<ListedFolder[]> {
  const folders = await point.folders();
  const tree = folderTree(folders);
  return folders
    .map(({ id, parentId, name, role, class: folderClass, count }): ListedFolder => {
      const place = { id, parentId, name, path: tree.pathOf(id) };
      const kind = folderClass === undefined ? {} : { class: folderClass };
      return { ...place, ...(role === undefined ? {} : { role }), ...kind, items: count };
    })
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** A page of a folder, newest first; `after` is `next` of the page before. */
export async function exploreItems(
  point: PointContents,
  request: { folderId: string; after?: string | undefined; limit: number },
): Promise<{ items: ListedItem[]; next?: string }> {
  const after = request.after === undefined ? undefined : decodePlace(request.after);
  const items: ListedItem[] = [];
  let last: PointItem | undefined;
  const options = { newestFirst: true, ...(after === undefined ? {} : { after }) };
  for await (const item of point.items(request.folderId, options)) {
    if (items.length === request.limit && last !== undefined) return { items, next: encodePlace(last) };
    items.push(listed(request.folderId, item));
    last = item;
  }
  return { items };
}

function listed(folderId: string, { key, time, size, summary, state }: PointItem): ListedItem {
  const { subject, from, hasAttachments } = summary;
  return {
    itemKey: key,
    folderId,
    time: new Date(time).toISOString(),
    size,
    subject: typeof subject === 'string' ? subject : '',
    from: typeof from === 'string' ? from : '',
    hasAttachments: hasAttachments === true,
    ...(typeof state.isRead === 'boolean' ? { isRead: state.isRead } : {}),
  };
}

/** The item of a folder. Its time is not known, so the folder is read until it comes: once an item, see `mimeSlices`. */
export async function findItem(point: PointContents, folderId: string, itemKey: string): Promise<PointItem> {
  for await (const item of point.items(folderId, { newestFirst: true }))
    if (item.key === itemKey) return item;
  throw new HoldfastError(
    'item-not-in-point',
    'permanent-item',
    'The item is not in this folder of the restore point.',
    { remedy: 'Choose the item from the list of the restore point.' },
  );
}

const placeSchema = z.tuple([z.number(), z.string()]);

const encodePlace = ({ time, key }: ItemPlace): string =>
  Buffer.from(JSON.stringify([time, key])).toString('base64url');

function decodePlace(cursor: string): ItemPlace {
  try {
    const [time, key] = placeSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    return { time, key };
  } catch (cause) {
    throw new HoldfastError('wrong-cursor', 'configuration', 'The cursor is not one of this list.', {
      remedy: 'Begin the list anew.',
      cause,
    });
  }
}
