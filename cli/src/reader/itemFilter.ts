import type { PointFolder } from '@holdfast/export';
import type { ItemEntry } from '@holdfast/repository';
import { UsageError } from '../errors.ts';
import { sizeOption } from '../sizes.ts';

export interface FilterOptions {
  from?: string;
  subject?: string;
  folder?: string[];
  since?: string;
  until?: string;
  larger?: string;
  hasAttachment?: boolean;
}

/** The same for `é` and `e`, full width and half, upper and lower case. */
export const folded = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase();

/** A day (`2026-03-01`, begins at 00:00 UTC) or a time. @throws UsageError */
export function timeOption(option: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UsageError(
      `${option}: "${given}" is no time`,
      'Give a day such as 2026-03-01, or 2026-03-01T08:00:00Z.',
    );
  }
  return time;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The folders whose path is one of the given, or lies below one; `undefined` for all. @throws UsageError */
export function chosenFolders(
  folders: readonly PointFolder[],
  given: readonly string[] | undefined,
): Set<string> | undefined {
  if (given === undefined || given.length === 0) return undefined;
  const chosen = new Set<string>();
  for (const one of given) {
    const path = folded(`/${one.replace(/^\/+|\/+$/g, '')}`);
    const found = folders.filter((folder) => {
      const own = folded(folder.path);
      return folder.id === one || own === path || own.startsWith(`${path}/`);
    });
    if (found.length === 0)
      throw new UsageError(
        `there is no folder "${one}" in this restore point`,
        'See: holdfast-reader folders',
      );
    for (const folder of found) chosen.add(folder.id);
  }
  return chosen;
}

/** Each word in the subject or the sender, and every filter. @throws UsageError */
export function itemFilter(
  words: readonly string[],
  options: FilterOptions,
): (item: ItemEntry, folder: PointFolder) => boolean {
  const wanted = words.map(folded);
  const from = options.from === undefined ? undefined : folded(options.from);
  const subject = options.subject === undefined ? undefined : folded(options.subject);
  const since = timeOption('--since', options.since);
  const until = timeOption('--until', options.until);
  const larger = sizeOption('--larger', options.larger);
  return ({ size, summary, time }) => {
    const itsSubject = folded(text(summary.subject));
    const itsFrom = folded(text(summary.from));
    return (
      wanted.every((word) => itsSubject.includes(word) || itsFrom.includes(word)) &&
      (from === undefined || itsFrom.includes(from)) &&
      (subject === undefined || itsSubject.includes(subject)) &&
      (since === undefined || time >= since) &&
      (until === undefined || time < until) &&
      (larger === undefined || size > larger) &&
      (options.hasAttachment !== true || summary.hasAttachments === true)
    );
  };
}
