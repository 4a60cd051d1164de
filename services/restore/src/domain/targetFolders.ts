import type { Folder, MailboxWriter } from '@holdfast/exchange';
import type { FolderTree } from './planRestore.ts';

/** Finds or makes the place of each folder in the target mailbox, when it is needed. */
export interface TargetFolders {
  /** Id of the folder in the target mailbox. */
  targetOf(folderId: string): Promise<string>;
  /** Folders made so far. */
  readonly created: number;
}

interface TargetFolderDeps {
  tree: FolderTree;
  /** The folders that are put back. */
  planned: ReadonlySet<string>;
  writer: Pick<MailboxWriter, 'ensureFolder'>;
  /** The folders of the target mailbox as they are. */
  existing: readonly Folder[];
  /** Path of a folder below which the restored folders go; the original place when undefined. */
  folderPath: string | undefined;
}

/**
 * Original place: a folder with a well-known role goes to the target's folder of that role, whatever its name there is
 * (`Posteingang`); every other by its name below the place of its parent. Below a given folder: the selected folders by
 * name, keeping their structure among each other; two selected folders of one name share a place.
 */
export function createTargetFolders(deps: TargetFolderDeps): TargetFolders {
  const { tree, writer, folderPath } = deps;
  const byRole = new Map(deps.existing.flatMap(({ id, role }) => (role === undefined ? [] : [[role, id]])));
  const found = new Map<string, Promise<string>>();
  let created = 0;
  let base: Promise<string | null> | undefined;

  async function ensure(parentId: string | null, name: string): Promise<string> {
    const folder = await writer.ensureFolder(parentId, name);
    if (folder.created) created++;
    return folder.id;
  }

  function baseFolder(): Promise<string | null> {
    base ??= (folderPath ?? '')
      .split('/')
      .filter((name) => name !== '')
      .reduce<Promise<string | null>>(
        async (parent, name) => ensure(await parent, name),
        Promise.resolve(null),
      );
    return base;
  }

  async function find(folderId: string): Promise<string> {
    const folder = tree.byId.get(folderId);
    if (folder === undefined) throw new Error(`the restore point has no folder ${folderId}`);
    const { parentId, name, role } = folder;
    if (folderPath === undefined) {
      const sameRole = role === undefined ? undefined : byRole.get(role);
      if (sameRole !== undefined) return sameRole;
      return ensure(parentId !== null && tree.byId.has(parentId) ? await targetOf(parentId) : null, name);
    }
    const below = parentId !== null && deps.planned.has(parentId);
    return ensure(below ? await targetOf(parentId) : await baseFolder(), name);
  }

  function targetOf(folderId: string): Promise<string> {
    let target = found.get(folderId);
    if (target === undefined) {
      target = find(folderId);
      found.set(folderId, target);
      // A folder that could not be made is tried again for the next item.
      target.catch(() => found.delete(folderId));
    }
    return target;
  }

  return {
    targetOf,
    get created() {
      return created;
    },
  };
}
