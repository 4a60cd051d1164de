import { type Gap, gapSchema, type JsonObject } from '@holdfast/contracts';
import type { FolderEntry, ItemEntry, Repository, RestorePoint } from '@holdfast/repository';
import { z } from 'zod';
import type { PointContents, PointFolder, PointItem } from '../ports.ts';

/** What people read of a gap stands beside the engine's gaps, in the same order. */
const gapPlacesSchema = z.array(z.object({ folderPath: z.string(), subject: z.string().optional() }));

/** A restore point of the engine in the words of this service. */
export function pointContents(repository: Repository, point: RestorePoint): PointContents {
  const tree = repository.tree(point.root);
  return {
    folders: async () => (await tree.folders()).map(folderOf),
    async *items(folderId, { newestFirst, after } = {}) {
      const options = {
        ...(newestFirst === true ? { reverse: true } : {}),
        ...(after === undefined ? {} : { after }),
      };
      for await (const entry of tree.items(folderId, options)) yield itemOf(entry);
    },
    read: (objectId) => repository.readItem(objectId),
    gaps: gapsOf(point),
  };
}

function folderOf(entry: FolderEntry & { count: number }): PointFolder {
  const { id, parentId, name, role, hidden, count } = entry;
  return {
    ...{ id, parentId, name, count },
    ...(role === undefined ? {} : { role }),
    ...(hidden === undefined ? {} : { hidden }),
    ...(entry.class === undefined ? {} : { class: entry.class }),
  };
}

/** State and summary are JSON as the backup stored them. */
export const itemOf = ({ key, time, objectId, size, state, summary }: ItemEntry): PointItem => ({
  ...{ key, time, objectId, size, summary },
  state: state as JsonObject,
});

function gapsOf({ gaps, extra }: RestorePoint): Gap[] {
  const places = gapPlacesSchema.safeParse(extra?.gapPlaces);
  return gaps.map((gap, index) => {
    const place = places.success ? places.data[index] : undefined;
    return gapSchema.parse({ folderPath: '/', nextTry: gap.lastTried, ...gap, ...place });
  });
}
