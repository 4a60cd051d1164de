import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { CursorExpired, ForeignHost } from '../errors.ts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import type { Batch, Folder, FolderChange } from '../ports.ts';
import type { AnnouncedLink, AnnouncedPages } from './announcedPages.ts';
import { batchGet } from './batch.ts';
import { childrenOf, expandClass, folderClassOf, folderFields, isRefused } from './folderRows.ts';
import type { GraphLine } from './line.ts';
import { nextLinkOf, rowsOf } from './paging.ts';
import { type KnownRecoverable, recoverableChanges, recoverableFolders } from './recoverableFolders.ts';

/** Names by which Graph finds folders in any language. v1.0 does not say of a folder which one it is. */
const wellKnownNames = [
  'msgfolderroot',
  'inbox',
  'drafts',
  'sentitems',
  'deleteditems',
  'archive',
  'junkemail',
  'outbox',
  'clutter',
  'conversationhistory',
  'conflicts',
  'localfailures',
  'serverfailures',
  'syncissues',
  'scheduled',
  'searchfolders',
];

/** Delta pages; a mailbox has tens of folders, rarely hundreds. */
const pagePreference = 'odata.maxpagesize=250';

/** What is needed to understand a folder row. */
interface FolderMap {
  rootId: string;
  /** Well-known name by folder id. */
  roles: Record<string, string>;
}

/** The cursor carries the map, so that an unchanged mailbox costs one request. */
interface FolderCursor extends FolderMap {
  link?: string;
  /** Present when Recoverable Items are read too; null when the mailbox has none. */
  recoverable?: KnownRecoverable | null;
}

const isSearchFolder = (row: JsonObject): boolean =>
  textOf(row['@odata.type']).toLowerCase() === '#microsoft.graph.mailsearchfolder';

function folderOf(row: JsonObject, map: FolderMap): Folder {
  const id = textOf(row.id);
  const parent = textOf(row.parentFolderId);
  const role = map.roles[id];
  const folderClass = folderClassOf(row);
  return {
    id,
    parentId: parent === '' || parent === map.rootId ? null : parent,
    name: textOf(row.displayName),
    hidden: row.isHidden === true,
    ...(role === undefined ? {} : { role }),
    ...(folderClass === undefined ? {} : { folderClass }),
    ...(typeof row.totalItemCount === 'number' ? { itemCount: row.totalItemCount } : {}),
  };
}

/** Resolves the well-known names; a name that the mailbox does not have is no error. */
async function readMap(line: GraphLine, userPath: string): Promise<FolderMap> {
  const parts = wellKnownNames.map((name) => ({
    id: name,
    url: `${userPath}/mailFolders/${name}?$select=id`,
  }));
  const map: FolderMap = { rootId: '', roles: {} };
  for (const [name, result] of await batchGet(line, parts, 'finding the well-known folders')) {
    if (result.ok) {
      const id = textOf(result.body.id);
      if (name === 'msgfolderroot') map.rootId = id;
      else map.roles[id] = name;
    } else if (result.error.errorClass !== 'vanished' && !isRefused(result.error)) {
      throw result.error;
    }
  }
  return map;
}

/** All folders below the root, hidden ones too; search folders list what other folders hold, so they are left out. */
async function walk(line: GraphLine, userPath: string, map: FolderMap): Promise<Folder[]> {
  const folders: Folder[] = [];
  const children = (path: string) => childrenOf(line, `${userPath}${path}`);
  let level = [await children('/mailFolders')];
  while (level.length > 0) {
    const rows = level
      .flat()
      .filter((row) => !isSearchFolder(row) && map.roles[textOf(row.id)] !== 'searchfolders');
    folders.push(...rows.map((row) => folderOf(row, map)));
    const parents = rows.filter(
      (row) => typeof row.childFolderCount === 'number' && row.childFolderCount > 0,
    );
    level = await Promise.all(
      parents.map(async (row) => {
        try {
          return await children(`/mailFolders/${encodeURIComponent(textOf(row.id))}/childFolders`);
        } catch (error) {
          // Removed while we walked: the next round of changes says so.
          if (error instanceof HoldfastError && error.errorClass === 'vanished') return [];
          throw error;
        }
      }),
    );
  }
  return folders;
}

interface DeltaRound {
  rows: JsonObject[];
  link: string;
}

async function deltaRound(line: GraphLine, start: string, announced?: AnnouncedPages): Promise<DeltaRound> {
  const rows: JsonObject[] = [];
  let url = start;
  for (let first = await announced?.takeJson(start); ; first = undefined) {
    const answer =
      first ?? (await line.json({ url, what: 'asking for folder changes', prefer: pagePreference }));
    rows.push(...rowsOf(answer));
    const next = nextLinkOf(answer);
    if (next === undefined) return { rows, link: textOf(answer['@odata.deltaLink']) };
    url = next;
  }
}

/** A full mailbox cannot track changes; then there is no link, and the next round is a full one again. */
async function firstRound(line: GraphLine, userPath: string): Promise<DeltaRound | undefined> {
  try {
    return await deltaRound(line, `${userPath}/mailFolders/delta?$select=${folderFields}`);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'mailbox-full') return undefined;
    throw error;
  }
}

/** Only what hangs below the root: change tracking may also name folders that are no part of the visible tree. */
function attached(folders: Map<string, Folder>): Folder[] {
  const hangs = (folder: Folder): boolean => {
    let at: Folder | undefined = folder;
    for (let depth = 0; at !== undefined && depth < 400; depth++) {
      if (at.parentId === null) return true;
      at = folders.get(at.parentId);
    }
    return false;
  };
  return [...folders.values()].filter(hangs);
}

async function readAll(
  line: GraphLine,
  userPath: string,
  withRecoverable: boolean,
): Promise<Batch<FolderChange>> {
  const map = await readMap(line, userPath);
  // The link first: what changes during the walk comes again in the next round.
  const round = await firstRound(line, userPath);
  const folders = new Map<string, Folder>();
  for (const row of round?.rows ?? []) {
    const id = textOf(row.id);
    if (row['@removed'] !== undefined) folders.delete(id);
    else if (!isSearchFolder(row) && id !== map.rootId && map.roles[id] !== 'searchfolders') {
      folders.set(id, folderOf(row, map));
    }
  }
  for (const folder of await walk(line, userPath, map)) folders.set(folder.id, folder);
  const recoverable = withRecoverable ? await recoverableChanges(line, userPath, undefined) : undefined;
  const cursor: FolderCursor = {
    ...map,
    ...(round === undefined ? {} : { link: round.link }),
    ...(recoverable === undefined ? {} : { recoverable: recoverable.known ?? null }),
  };
  const visible = attached(folders).map((folder): FolderChange => ({ kind: 'upsert', folder }));
  return {
    changes: [...visible, ...(recoverable?.changes ?? [])],
    cursor: JSON.stringify(cursor),
    done: true,
  };
}

function openCursor(text: string, withRecoverable: boolean): FolderCursor & { link: string } {
  const cursor = objectOf(JSON.parse(text));
  const link = textOf(cursor.link);
  if (link === '') throw new CursorExpired('There is no change cursor of the folders: the mailbox was full.');
  const roles: Record<string, string> = {};
  for (const [id, role] of Object.entries(objectOf(cursor.roles))) roles[id] = textOf(role);
  const recoverable = cursor.recoverable as unknown as KnownRecoverable | null | undefined;
  if (withRecoverable !== (recoverable !== undefined)) {
    throw new CursorExpired('Recoverable Items were read otherwise before: the folders are listed anew.');
  }
  return {
    link,
    rootId: textOf(cursor.rootId),
    roles,
    ...(recoverable === undefined ? {} : { recoverable }),
  };
}

async function readChanges(
  line: GraphLine,
  userPath: string,
  text: string,
  withRecoverable: boolean,
  announced: AnnouncedPages | undefined,
): Promise<Batch<FolderChange>> {
  const { link, recoverable: known, ...map } = openCursor(text, withRecoverable);
  let round: DeltaRound;
  try {
    round = await deltaRound(line, link, announced);
  } catch (error) {
    throw expiredWhenLinkFails(error);
  }
  const changes = new Map<string, FolderChange>();
  for (const row of round.rows) {
    const id = textOf(row.id);
    changes.delete(id);
    if (row['@removed'] !== undefined) changes.set(id, { kind: 'removed', id });
    else if (!isSearchFolder(row) && id !== map.rootId && map.roles[id] !== 'searchfolders') {
      changes.set(id, { kind: 'upsert', folder: folderOf(row, map) });
    }
  }
  const cursor: FolderCursor = { ...map, link: round.link };
  if (withRecoverable) {
    const now = await recoverableChanges(line, userPath, known ?? undefined);
    cursor.recoverable = now.known ?? null;
    // Change tracking may name some of these folders too, as if they were in the visible tree.
    for (const id of Object.keys({ ...known?.folders, ...now.known?.folders })) changes.delete(id);
    for (const change of now.changes) {
      changes.set(change.kind === 'upsert' ? change.folder.id : change.id, change);
    }
  }
  return { changes: [...changes.values()], cursor: JSON.stringify(cursor), done: true };
}

/**
 * A stored link is opaque: when the service refuses it in whatever words, or when it leads to a host that is not
 * of the cloud any more, only a new round helps.
 */
export function expiredWhenLinkFails(error: unknown): unknown {
  if (error instanceof ForeignHost || isRefusedLink(error)) {
    return new CursorExpired('The stored change cursor cannot be used any more.', { cause: error });
  }
  return error;
}

const isRefusedLink = (error: unknown): boolean =>
  error instanceof HoldfastError && ['request-refused', 'mailbox-full'].includes(error.code);

/**
 * Changes of the folder tree in one batch; without a cursor all folders, by change tracking and by a full walk.
 * Recoverable Items, which change tracking does not tell of, are listed each time: one request more.
 */
export async function* folderChanges(
  line: GraphLine,
  userPath: string,
  cursor: string | undefined,
  withRecoverable = false,
  announced?: AnnouncedPages,
): AsyncGenerator<Batch<FolderChange>> {
  yield cursor === undefined
    ? await readAll(line, userPath, withRecoverable)
    : await readChanges(line, userPath, cursor, withRecoverable, announced);
}

/** What `folderChanges` will ask for first with this cursor; undefined when it will refuse it. */
export function announcedFolders(cursor: string, withRecoverable: boolean): AnnouncedLink | undefined {
  try {
    return { link: openCursor(cursor, withRecoverable).link, prefer: () => pagePreference };
  } catch (error) {
    if (error instanceof CursorExpired) return undefined;
    throw error;
  }
}

/** Classes of folders by id: change tracking takes no `$expand`, so it does not tell them. */
export async function folderClasses(
  line: GraphLine,
  userPath: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const parts = ids.map((id) => ({
    id,
    url: `${userPath}/mailFolders/${encodeURIComponent(id)}?$select=id&${expandClass}`,
  }));
  const classes = new Map<string, string>();
  if (parts.length === 0) return classes;
  for (const [id, result] of await batchGet(line, parts, 'asking for the classes of folders')) {
    const folderClass = result.ok ? folderClassOf(result.body) : undefined;
    if (folderClass !== undefined) classes.set(id, folderClass);
    else if (!result.ok && result.error.errorClass !== 'vanished' && !isRefused(result.error)) {
      throw result.error;
    }
  }
  return classes;
}

/** All folders by a full walk. */
export async function allFolders(
  line: GraphLine,
  userPath: string,
  withRecoverable = false,
): Promise<Folder[]> {
  const visible = await walk(line, userPath, await readMap(line, userPath));
  return withRecoverable ? [...visible, ...(await recoverableFolders(line, userPath))] : visible;
}
