import { pointFolders, recoverySheet } from '@holdfast/export';
import type { ItemEntry } from '@holdfast/repository';
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { listLimit } from '../options.ts';
import { bytesText, timeText } from '../units.ts';
import { version } from '../version.ts';
import { chosenFolders, type FilterOptions, itemFilter, timeOption } from './itemFilter.ts';
import { choosePoint, findMailbox, mailboxes, pointsOf } from './points.ts';
import { actOnRepository, type ReaderRunner, type Reading } from './reading.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

async function info({ repository, path, screen }: Reading): Promise<undefined> {
  const facts = await repository.recoveryFacts();
  const statistics = repository.statistics();
  if (screen.json) return screen.document({ path, ...facts, statistics });
  screen.facts([
    ['folder', path],
    ['id', facts.repositoryId],
    ['format', facts.format],
    ['made', timeText(facts.createdAt)],
    ...Object.entries(statistics).map(([name, value]) => [name, String(value)] as const),
  ]);
  screen.table(
    ['KEY SLOT', 'OPENED BY', 'MADE', 'KEY DERIVATION'],
    facts.slots.map((slot) => [slot.slotId, slot.kind, timeText(slot.createdAt), slot.kdf]),
  );
}

async function sheet(
  { repository, path, screen, io }: Reading,
  _args: string[],
  { name }: { name?: string },
) {
  const facts = await repository.recoveryFacts();
  const printed = { name, location: `folder ${path}`, argument: path, version, printedAt: iso(io.now()) };
  const page = recoverySheet({ ...facts, ...printed });
  if (screen.json) return screen.document({ sheet: page });
  screen.line(page);
  return undefined;
}

async function listMailboxes({ repository, screen }: Reading): Promise<undefined> {
  const all = [];
  for await (const mailbox of mailboxes(repository)) all.push(mailbox);
  const rows = all.map(({ newest, ...mailbox }) => ({
    ...mailbox,
    newestPoint: newest.name,
    newestTime: iso(newest.time),
  }));
  if (screen.json) return screen.document({ items: rows });
  screen.table(
    ['MAILBOX', 'POINTS', 'NEWEST', 'ITEMS', 'IDENTITY'],
    rows.map((row) => [row.address, row.points, timeText(row.newestTime), row.items, row.identity]),
  );
}

async function listPoints({ repository, screen }: Reading, args: string[]): Promise<undefined> {
  const { mailboxKey } = await findMailbox(repository, args[0] ?? '');
  const rows = [];
  for (const ref of await pointsOf(repository, mailboxKey)) {
    const { counts, gaps, mailboxAddress } = await repository.readPoint(ref);
    rows.push({
      name: ref.name,
      id: ref.pointId,
      kind: ref.kind,
      time: iso(ref.time),
      mailboxAddress,
      counts,
      gaps: gaps.length,
    });
  }
  if (screen.json) return screen.document({ items: rows });
  screen.table(
    ['TIME', 'KIND', 'ITEMS', 'FOLDERS', 'NEW', 'GAPS', 'ID'],
    rows.map(({ time, kind, counts, gaps, id }) => [
      timeText(time),
      kind,
      counts.stored,
      counts.folders,
      counts.new,
      gaps,
      id,
    ]),
  );
}

interface PointOptions {
  at?: string;
}

async function listFolders({ repository, screen }: Reading, args: string[], options: PointOptions) {
  const { ref, point } = await choosePoint(repository, args[0] ?? '', timeOption('--at', options.at));
  const folders = await pointFolders(repository, point.root);
  if (screen.json) return screen.document({ point: ref.pointId, time: point.time, items: folders });
  screen.table(
    ['PATH', 'ITEMS', 'ID'],
    folders.map(({ path, count, id }) => [path, count, id]),
  );
  return undefined;
}

interface SearchOptions extends FilterOptions, PointOptions {
  mailbox?: string[];
  limit: number;
}

interface Found {
  mailbox: string;
  point: string;
  folder: string;
  itemKey: string;
  time: string;
  from: string;
  subject: string;
  size: number;
}

async function* found(
  { repository }: Reading,
  words: string[],
  options: SearchOptions,
): AsyncGenerator<Found> {
  const matches = itemFilter(words, options);
  const at = timeOption('--at', options.at);
  const given =
    options.mailbox ?? (await Array.fromAsync(mailboxes(repository), ({ mailboxKey }) => mailboxKey));
  for (const mailbox of given) {
    const { ref, point } = await choosePoint(repository, mailbox, at);
    const folders = await pointFolders(repository, point.root);
    // Over many mailboxes a folder may be in some of them only.
    const chosen = folderChoice(folders, options, given.length > 1);
    const tree = repository.tree(point.root);
    for (const folder of folders) {
      if (chosen && !chosen.has(folder.id)) continue;
      for await (const item of tree.items(folder.id, { reverse: true })) {
        if (matches(item, folder))
          yield { ...line(item), mailbox: point.mailboxAddress, point: ref.pointId, folder: folder.path };
      }
    }
  }
}

function folderChoice(
  folders: Parameters<typeof chosenFolders>[0],
  options: FilterOptions,
  lenient: boolean,
) {
  try {
    return chosenFolders(folders, options.folder);
  } catch (error) {
    if (lenient && error instanceof UsageError) return new Set<string>();
    throw error;
  }
}

const line = ({ key, size, summary, time }: ItemEntry) => ({
  itemKey: key,
  time: iso(time),
  from: text(summary.from),
  subject: text(summary.subject),
  size,
});

async function search(reading: Reading, args: string[], options: SearchOptions): Promise<undefined> {
  const { screen } = reading;
  const rows: Found[] = [];
  let more = false;
  for await (const one of found(reading, args, options)) {
    if (rows.length === options.limit) {
      more = true;
      break;
    }
    rows.push(one);
  }
  if (screen.json) return screen.document({ items: rows, more });
  screen.table(
    ['TIME', 'MAILBOX', 'FOLDER', 'FROM', 'SUBJECT', 'SIZE', 'ITEM KEY'],
    rows.map((row) => [
      timeText(row.time),
      row.mailbox,
      row.folder,
      row.from,
      row.subject,
      bytesText(row.size),
      row.itemKey,
    ]),
  );
  if (more) screen.note('There are more: use --limit.');
}

export const atOption = (command: Command): Command =>
  command.option('--at <time>', 'as of this day or time: the newest restore point that is not later');

export const filterOptions = (command: Command): Command =>
  atOption(command)
    .option('--from <text>', 'sender contains')
    .option('--subject <text>', 'subject contains')
    .option('--folder <path...>', 'only these folders, with what is below them')
    .option('--since <time>', 'received at this time or later')
    .option('--until <time>', 'received before this time')
    .option('--larger <size>', 'larger than, such as 500k or 20M')
    .option('--has-attachment', 'has attachments');

export function listCommands(runner: ReaderRunner, program: Command): void {
  const add = (usage: string, description: string): Command =>
    program.command(usage).description(description);
  actOnRepository(runner, add('info', 'what this repository is and which keys open it'), info);
  const sheetOf = add('sheet', 'the recovery sheet: a page to print and put away').option(
    '--name <name>',
    'name of the repository',
  );
  actOnRepository(runner, sheetOf, sheet);
  actOnRepository(runner, add('mailboxes', 'list the mailboxes'), listMailboxes);
  actOnRepository(runner, add('points <mailbox>', 'list the restore points of a mailbox'), listPoints);
  const point = 'a restore point by its id, or the newest of a mailbox';
  actOnRepository(runner, atOption(add('folders <point>', `list the folders of ${point}`)), listFolders);
  const searching = listLimit(
    filterOptions(add('search [word...]', 'find items whose subject or sender contains each word')).option(
      '--mailbox <mailbox...>',
      'only these mailboxes',
    ),
  );
  actOnRepository(runner, searching, search);
}
