import { createHash } from 'node:crypto';
import type { ComparedFolder, ComparedItem, Comparison, JsonObject } from '@holdfast/contracts';
import type { PointFolder } from '../ports.ts';
import { folderTree } from './planRestore.ts';

/** An item of one of the two states, as far as it decides what is different. */
export interface ComparableItem {
  key: string;
  folderId: string;
  /** ms since epoch */
  time: number;
  size: number;
  summary: JsonObject;
  /** The same when nobody has to read the content again. */
  contentKey: string;
  state: JsonObject;
}

/** One difference of two trees, folder by folder. */
export type StateChange =
  | { kind: 'added' | 'removed'; item: ComparableItem }
  | { kind: 'changed'; item: ComparableItem; before: ComparableItem };

export interface ComparisonSides {
  before: readonly PointFolder[];
  after: readonly PointFolder[];
  /** Read twice. */
  changes(): AsyncIterable<StateChange>;
}

/** All differences: counts by folder are whole, items are listed up to a number. */
export interface ComparedMailbox {
  folders: ComparedFolder[];
  items: ComparedItem[];
  cut: boolean;
}

export const mostListed = 20_000;
const longestText = 500;

/**
 * Makes new, deleted, moved and changed out of what was added and removed: an item that was removed in one folder and
 * added in another is the same one (ids at the source stay). The first reading remembers which went where.
 */
export async function compareMailbox(sides: ComparisonSides): Promise<ComparedMailbox> {
  const removedFrom = new Map<string, ComparableItem>();
  const added = new Set<string>();
  for await (const { kind, item } of sides.changes()) {
    if (kind === 'removed') removedFrom.set(digest(item.key), slim(item));
    else if (kind === 'added') added.add(digest(item.key));
  }
  const [before, after] = [folderTree([...sides.before]), folderTree([...sides.after])];
  const counts = new Map<string, ComparedFolder>();
  const folderOf = (id: string): ComparedFolder => {
    const known = counts.get(id);
    if (known !== undefined) return known;
    const folderPath = pathOf(after, id) ?? pathOf(before, id) ?? '/';
    const made = { folderId: id, folderPath, new: 0, deleted: 0, moved: 0, changed: 0 };
    counts.set(id, made);
    return made;
  };
  const items: ComparedItem[] = [];
  let cut = false;
  for await (const change of sides.changes()) {
    const found = differenceOf(change, removedFrom, added);
    if (found === undefined) continue;
    const folder = folderOf(change.item.folderId);
    folder[found.change]++;
    if (items.length >= mostListed) {
      cut = true;
      continue;
    }
    const from = found.from === undefined ? undefined : (pathOf(before, found.from) ?? '/');
    items.push({
      ...listed(change.item, folder.folderPath),
      ...found.facts,
      ...(from === undefined ? {} : { fromFolderPath: from }),
    });
  }
  for (const folder of foldersThatDiffer(sides, folderOf)) counts.set(folder.folderId, folder);
  const folders = [...counts.values()].sort((a, b) => (a.folderPath < b.folderPath ? -1 : 1));
  return { folders, items, cut };
}

const digest = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 16);

/** What is compared later; the rest would only take memory. */
const slim = ({ folderId, contentKey, state }: ComparableItem): ComparableItem => ({
  ...{ key: '', time: 0, size: 0, summary: {} },
  ...{ folderId, contentKey, state },
});

const pathOf = (tree: ReturnType<typeof folderTree>, id: string): string | undefined =>
  tree.byId.has(id) ? tree.pathOf(id) : undefined;

interface Found {
  change: ComparedItem['change'];
  facts: Pick<ComparedItem, 'change' | 'what'>;
  /** Folder in which a moved item was. */
  from?: string;
}

function differenceOf(
  change: StateChange,
  removedFrom: ReadonlyMap<string, ComparableItem>,
  added: ReadonlySet<string>,
): Found | undefined {
  const { item } = change;
  if (change.kind === 'changed') {
    const what = whatChanged(change.before, item);
    return { change: 'changed', facts: { change: 'changed', what } };
  }
  const name = digest(item.key);
  if (change.kind === 'removed') {
    // Told where it went.
    return added.has(name) ? undefined : { change: 'deleted', facts: { change: 'deleted', what: [] } };
  }
  const before = removedFrom.get(name);
  if (before === undefined) return { change: 'new', facts: { change: 'new', what: [] } };
  const what = whatChanged(before, item);
  // At another time in the same folder: an edited draft.
  if (before.folderId === item.folderId) return { change: 'changed', facts: { change: 'changed', what } };
  return { change: 'moved', facts: { change: 'moved', what }, from: before.folderId };
}

function whatChanged(before: ComparableItem, after: ComparableItem): ComparedItem['what'] {
  const what: ComparedItem['what'] = [];
  if (before.contentKey !== after.contentKey) what.push('content');
  if (JSON.stringify(sorted(before.state)) !== JSON.stringify(sorted(after.state))) what.push('state');
  return what;
}

const sorted = (state: JsonObject): [string, unknown][] =>
  Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1));

const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, longestText) : '');

const listed = (
  { key, folderId, time, size, summary }: ComparableItem,
  folderPath: string,
): Omit<ComparedItem, 'change' | 'what'> => ({
  ...{ itemKey: key, folderId, folderPath, size },
  subject: textOf(summary.subject),
  from: textOf(summary.from),
  time: new Date(time).toISOString(),
});

function* foldersThatDiffer(
  { before, after }: ComparisonSides,
  folderOf: (id: string) => ComparedFolder,
): Generator<ComparedFolder> {
  const old = new Map(before.map((folder) => [folder.id, folder]));
  for (const folder of after) {
    const known = old.get(folder.id);
    old.delete(folder.id);
    if (known === undefined) yield { ...folderOf(folder.id), change: 'new' };
    else if (known.name !== folder.name || known.parentId !== folder.parentId)
      yield { ...folderOf(folder.id), change: 'changed' };
  }
  for (const id of old.keys()) yield { ...folderOf(id), change: 'deleted' };
}

/** A page of a comparison; `after` is the number of entries before it. */
export function comparisonPage(
  compared: ComparedMailbox & { at: number },
  request: {
    folderId?: string | undefined;
    change?: ComparedItem['change'] | undefined;
    limit: number;
    after?: string | undefined;
  },
): Comparison {
  const { folderId, change, limit } = request;
  const from = Number(request.after ?? '0');
  const items = compared.items.filter(
    (item) =>
      (folderId === undefined || item.folderId === folderId) &&
      (change === undefined || item.change === change),
  );
  const totals = { new: 0, deleted: 0, moved: 0, changed: 0 };
  for (const folder of compared.folders) {
    for (const name of ['new', 'deleted', 'moved', 'changed'] as const) totals[name] += folder[name];
  }
  const page = items.slice(from, from + limit);
  return {
    totals,
    folders: compared.folders,
    items: page,
    ...(from + page.length < items.length ? { next: String(from + page.length) } : {}),
    at: new Date(compared.at).toISOString(),
    cut: compared.cut,
  };
}
