import { isRecoverableRole, recoverableRootRole } from '@holdfast/contracts';
import type { Folder, MailboxWriter } from '@holdfast/exchange';
import { hasCode } from '../errors.ts';
import type { PointFolder } from '../ports.ts';
import type { FolderTree } from './planRestore.ts';

/** Where a folder goes, found without making anything. */
export interface FolderPlace {
  /** Undefined when it has to be made. */
  id: string | undefined;
  /** As the target shows it, for people. */
  path: string;
}

/** Finds or makes the place of each folder in the target mailbox, when it is needed. */
export interface TargetFolders {
  placeOf(folderId: string): FolderPlace;
  /** Id of the folder in the target mailbox; it is made when it is missing. */
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
  /** The target is the mailbox that was backed up, so its folder ids are those of the backup. */
  sameMailbox: boolean;
  /** Names of the folders below which the restored ones go; the original place when empty. */
  targetFolder: readonly string[];
}

/** Recoverable Items come back where people see them: Exchange lets nobody write to their old place. */
const recoveredName = 'Recovered Items';
const nameOf = ({ name, role }: PointFolder): string => (role === recoverableRootRole ? recoveredName : name);

/** A name that a folder of another class has taken; the same on every attempt. */
const besideName = (name: string): string => `${name} (restored)`;

export const folded = (name: string): string => name.normalize('NFC').trim().toLowerCase();

/**
 * Original place: a folder with a well-known role goes to the target's folder of that role, whatever its name there is
 * (`Posteingang`); in the original mailbox every other to the folder of its id, renamed or moved since or not, unless it
 * was thrown away; else by its name below the place of its parent. Below a given folder: the selected folders by name,
 * keeping their structure among each other; two selected folders of one name share a place.
 */
export function createTargetFolders(deps: TargetFolderDeps): TargetFolders {
  const { writer, targetFolder } = deps;
  const places = folderPlaces(deps);
  const made = new Map<string, Promise<string>>();
  let created = 0;
  let base: Promise<string | null> | undefined;

  async function ensure(parentId: string | null, name: string, folder?: PointFolder): Promise<string> {
    const make = { hidden: folder?.hidden, folderClass: folder?.class };
    const ensured = await writer.ensureFolder(parentId, name, make).catch((error: unknown) => {
      if (!hasCode(error, 'folder-of-another-class')) throw error;
      return writer.ensureFolder(parentId, besideName(name), make);
    });
    if (ensured.created) created++;
    return ensured.id;
  }
  function baseFolder(): Promise<string | null> {
    base ??= targetFolder.reduce<Promise<string | null>>(
      async (parent, name) => ensure(await parent, name),
      Promise.resolve(null),
    );
    base.catch(() => {
      base = undefined;
    });
    return base;
  }
  async function find(folder: PointFolder): Promise<string> {
    const same = places.known(folder);
    if (same !== undefined) return same.id;
    const above = places.aboveOf(folder);
    return ensure(above === undefined ? await baseFolder() : await targetOf(above), nameOf(folder), folder);
  }
  function targetOf(folderId: string): Promise<string> {
    let target = made.get(folderId);
    if (target === undefined) {
      target = find(places.folderOf(folderId));
      made.set(folderId, target);
      // A folder that could not be made is tried again for the next item.
      target.catch(() => made.delete(folderId));
    }
    return target;
  }

  return {
    placeOf: (folderId) => places.placeOf(folderId),
    targetOf,
    get created() {
      return created;
    },
  };
}

/** Where folders go, from what the target has: nothing is made. */
function folderPlaces({ tree, planned, existing, sameMailbox, targetFolder }: TargetFolderDeps) {
  const live = liveFolders(existing);
  const places = new Map<string, FolderPlace>();

  const folderOf = (folderId: string): PointFolder => {
    const folder = tree.byId.get(folderId);
    if (folder === undefined) throw new Error(`the restore point has no folder ${folderId}`);
    return folder;
  };
  /** The folder above in the target: one of the selection, or undefined for the base. */
  const aboveOf = ({ parentId }: PointFolder): string | undefined => {
    if (parentId === null) return undefined;
    const goesAlong = targetFolder.length > 0 ? planned.has(parentId) : tree.byId.has(parentId);
    return goesAlong ? parentId : undefined;
  };
  /** The folder itself in the target, by its role or its id. */
  const known = (folder: PointFolder): Folder | undefined => {
    if (targetFolder.length > 0) return undefined;
    const sameRole = folder.role === undefined ? undefined : live.byRole.get(folder.role);
    if (sameRole !== undefined || !sameMailbox) return sameRole;
    const same = live.byId.get(folder.id);
    const wasTrash = tree.chainOf(folder.id).some((id) => isTrash(tree.byId.get(id)));
    return same === undefined || (live.inTrash(same) && !wasTrash) ? undefined : same;
  };
  type Parent = { id: string | null | undefined; path: string };
  const below = (parent: Parent, name: string): FolderPlace => ({
    id: parent.id === undefined ? undefined : live.child(parent.id, name)?.id,
    path: `${parent.path}/${name}`,
  });
  function find(folder: PointFolder): FolderPlace {
    const same = known(folder);
    if (same !== undefined) return { id: same.id, path: live.pathOf(same) };
    const above = aboveOf(folder);
    const base = () => targetFolder.reduce<Parent>(below, { id: null, path: '' });
    return below(above === undefined ? base() : placeOf(above), nameOf(folder));
  }
  function placeOf(folderId: string): FolderPlace {
    const found = places.get(folderId) ?? find(folderOf(folderId));
    places.set(folderId, found);
    return found;
  }
  return { folderOf, aboveOf, known, placeOf };
}

const isTrash = (folder: { role?: string } | undefined): boolean =>
  folder?.role === 'deleteditems' || isRecoverableRole(folder?.role);

/** The folders of a mailbox as they are. */
function liveFolders(existing: readonly Folder[]) {
  const byId = new Map(existing.map((folder) => [folder.id, folder]));
  const byRole = new Map(
    existing.flatMap((folder) => (folder.role === undefined ? [] : [[folder.role, folder]])),
  );
  const byName = new Map(
    existing.map((folder) => [`${folder.parentId ?? ''}\n${folded(folder.name)}`, folder]),
  );
  function chainOf(folder: Folder): Folder[] {
    const chain: Folder[] = [];
    for (let at: Folder | undefined = folder; at !== undefined && !chain.includes(at); ) {
      chain.unshift(at);
      at = at.parentId === null ? undefined : byId.get(at.parentId);
    }
    return chain;
  }
  return {
    byId,
    byRole,
    child: (parentId: string | null, name: string) => byName.get(`${parentId ?? ''}\n${folded(name)}`),
    pathOf: (folder: Folder) =>
      `/${chainOf(folder)
        .map(({ name }) => name)
        .join('/')}`,
    inTrash: (folder: Folder) => chainOf(folder).some(isTrash),
  };
}

/** Folders whose items count as being in the mailbox: not what was thrown away. */
export function foldersInUse(existing: readonly Folder[]): Folder[] {
  const live = liveFolders(existing);
  return existing.filter((folder) => !live.inTrash(folder));
}
