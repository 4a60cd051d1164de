import { createHash } from 'node:crypto';

const longestBytes = 120;
// Names that Windows gives to devices; a folder of messages may be carried there.
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

function cut(text: string, bytes: number): string {
  let name = '';
  let size = 0;
  for (const letter of text) {
    size += Buffer.byteLength(letter);
    if (size > bytes) break;
    name += letter;
  }
  return name;
}

/**
 * Text from a mail, that is from anybody, as one part of a path on any file system: no separators, no control
 * characters, no leading or trailing dot, no device name, at most 120 bytes. Empty when nothing is left.
 */
export function safeName(text: string): string {
  const clean = text
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}/\\:*?"<>|]+/gu, '_')
    .replaceAll(/\s+/g, ' ')
    .replace(/^[.\s]+/, '')
    .trim();
  return cut(reserved.test(clean) ? `_${clean}` : clean, longestBytes).replace(/[.\s]+$/, '');
}

const shortHash = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits);

/**
 * The file name of an exported item without its ending: date, subject, and a hash of its key, so that two items never
 * share a name.
 */
export function itemFileName(item: { time: string; subject: string; itemKey: string }): string {
  const subject = safeName(item.subject);
  const day = /^\d{4}-\d{2}-\d{2}/.exec(item.time)?.[0] ?? 'undated';
  return `${day} ${subject === '' ? 'no subject' : subject} ${shortHash(item.itemKey, 10)}`;
}

export interface NamedFolder {
  id: string;
  parentId: string | null;
  name: string;
}

/** A folder tree nested deeper than this is cut into a flat name: no file system takes paths of any length. */
const deepest = 24;

/**
 * A path of safe names for each folder. Names that become equal (`a/b` and `a_b`, or `A` and `a` on a file system
 * that does not tell them apart) get a hash of the folder's id. The same folders give the same paths.
 */
export function folderPaths(folders: readonly NamedFolder[]): Map<string, string[]> {
  const byId = new Map(folders.map((folder) => [folder.id, folder]));
  const children = new Map<string | null, NamedFolder[]>();
  for (const folder of folders) {
    const parent = folder.parentId !== null && byId.has(folder.parentId) ? folder.parentId : null;
    const list = children.get(parent) ?? [];
    list.push(folder);
    children.set(parent, list);
  }
  const paths = new Map<string, string[]>();
  const place = (parent: string | null, path: readonly string[]): void => {
    const taken = new Set<string>();
    for (const folder of (children.get(parent) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const name = uniqueName(folder, taken);
      paths.set(folder.id, path.length < deepest ? [...path, name] : [`${shortHash(folder.id, 12)} ${name}`]);
      place(folder.id, paths.get(folder.id) ?? []);
    }
  };
  place(null, []);
  // Folders that name each other as parents are reached from nowhere.
  for (const folder of folders) {
    if (!paths.has(folder.id))
      paths.set(folder.id, [`${safeName(folder.name)} ${shortHash(folder.id, 6)}`.trim()]);
  }
  return paths;
}

function uniqueName(folder: NamedFolder, taken: Set<string>): string {
  const clean = safeName(folder.name) || 'unnamed';
  const fold = (name: string) => name.normalize('NFKC').toLowerCase();
  const name = taken.has(fold(clean)) ? `${clean} ${shortHash(folder.id, 6)}` : clean;
  taken.add(fold(name));
  return name;
}
