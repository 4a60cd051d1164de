import type {
  CatalogHitView,
  CatalogItemView,
  Comparison,
  catalogFolderSchema,
  catalogMailboxSchema,
  Preview,
  repositoryMailboxSchema,
  TimelinePoint,
} from '@holdfast/contracts';
import type { Command } from 'commander';
import type { z } from 'zod';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { UsageError } from '../errors.ts';
import { listLimit } from '../options.ts';
import { resolveMailbox, resolveNamed, resolvePoint } from '../resolve.ts';
import { safeText } from '../screen.ts';
import { bytesText, timeText } from '../units.ts';

interface SearchOptions {
  org?: string;
  mailbox?: string[];
  repo?: string;
  asOf: string;
  rank?: boolean;
  parts?: boolean;
  recoverable?: boolean;
  limit: number;
}

type Hits = { items: CatalogHitView[]; next?: string; behind: { points: number; since?: string } };

/** What was found, in one line with the found words in brackets. */
function snippetText({ snippets }: CatalogHitView): string {
  const [snippet] = snippets.toSorted(
    (a, b) => Number(a.field === 'subject') - Number(b.field === 'subject'),
  );
  if (snippet === undefined) return '';
  let text = '';
  let at = 0;
  for (const [start, end] of snippet.marks) {
    text += `${snippet.text.slice(at, start)}[${snippet.text.slice(start, end)}]`;
    at = end;
  }
  return `${snippet.field}: ${text}${snippet.text.slice(at)}`.slice(0, 120);
}

async function search(
  { client, screen }: Context,
  args: string[],
  options: SearchOptions,
): Promise<undefined> {
  const mailboxIds: string[] = [];
  for (const name of options.mailbox ?? [])
    mailboxIds.push((await resolveMailbox(client, name, options.org)).id);
  const byOrganization = mailboxIds.length === 0 && (options.repo === undefined || options.org !== undefined);
  const scope = {
    ...(mailboxIds.length > 0 ? { mailboxIds } : {}),
    ...(byOrganization
      ? { organizationIds: [(await resolveNamed(client, 'organization', options.org)).id] }
      : {}),
    ...(options.repo === undefined
      ? {}
      : { repositoryIds: [(await resolveNamed(client, 'repository', options.repo)).id] }),
  };
  const found: Hits = { items: [], behind: { points: 0 } };
  do {
    const page: Hits & { tooManyWords?: boolean } = await client.send('POST', '/search', {
      ...scope,
      query: args.join(' '),
      asOf: options.asOf,
      order: options.rank === true ? 'rank' : 'date',
      parts: options.parts === true,
      ...(options.recoverable === false ? { recoverable: false } : {}),
      limit: Math.min(200, options.limit - found.items.length),
      ...(found.next === undefined ? {} : { cursor: found.next }),
    });
    found.items.push(...page.items);
    found.behind = page.behind;
    if (page.tooManyWords === true) screen.note('A part stands for very many words: give more letters.');
    if (page.next === undefined) delete found.next;
    else found.next = page.next;
  } while (found.next !== undefined && found.items.length < options.limit);
  if (screen.json) return screen.document(found);
  screen.table(
    ['TIME', 'MAILBOX', 'FOLDER', 'FROM', 'SUBJECT', 'STATUS', 'RESTORE POINT', 'ITEM KEY', 'FOUND'],
    found.items.map((hit) => [
      ...[timeText(hit.time), hit.address, hit.folderPath, hit.from, hit.subject, hit.status],
      ...[`${hit.repositoryId}.${hit.validTo.pointId}`, hit.itemKey, snippetText(hit)],
    ]),
  );
  if (found.behind.points > 0)
    screen.note(`The catalog is ${found.behind.points} restore points behind since ${found.behind.since}.`);
  if (found.next !== undefined) screen.note('There are more: use --limit.');
}

interface PlaceOptions {
  org?: string;
  repo?: string;
  limit: number;
}

const repositoryOf = ({ client }: Context, name: string | undefined) =>
  resolveNamed(client, 'repository', name);

async function mailboxes(context: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const { client, screen } = context;
  const { id } = await repositoryOf(context, args[0]);
  const path = `/repositories/${step(id)}/mailboxes`;
  const page = await client.list<z.infer<typeof repositoryMailboxSchema>>(path, options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['ADDRESS', 'POINTS', 'OLDEST', 'NEWEST', 'MAILBOX KEY'],
    page.items.map((one) => [
      ...[one.address, one.points, timeText(one.oldest), timeText(one.newest), one.mailboxKey],
    ]),
  );
  if (page.next !== undefined) screen.note('There are more: use --limit.');
}

/** The path of a mailbox in a repository: by its key there, or by a mailbox that the control data knows. */
async function shelfPath(context: Context, mailbox: string, options: PlaceOptions): Promise<string> {
  const { id } = await repositoryOf(context, options.repo);
  const known = /^[0-9a-f]{32}$/.test(mailbox)
    ? mailbox
    : (await resolveMailbox(context.client, mailbox, options.org)).id;
  return `/repositories/${step(id)}/mailboxes/${step(known)}`;
}

async function timeline(context: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const { client, screen } = context;
  const path = `${await shelfPath(context, args[0] ?? '', options)}/points`;
  const page = await client.list<TimelinePoint>(path, options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['TIME', 'RESTORE POINT', 'STATE', 'ITEMS', 'FOLDERS', 'NEW', 'CHANGED', 'REMOVED', 'GAPS'],
    page.items.map((point) => [
      ...[timeText(point.time), point.id, point.completeness, point.items, point.folders],
      ...[point.new, point.changed, point.removed, point.gaps],
    ]),
  );
}

async function folders(context: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const { client, screen } = context;
  const path = `${await shelfPath(context, args[0] ?? '', options)}/folders`;
  const items: z.infer<typeof catalogFolderSchema>[] = [];
  for await (const folder of client.each<(typeof items)[number]>(path)) items.push(folder);
  if (screen.json) return screen.document({ items });
  screen.table(
    ['PATH', 'STATUS', 'ID'],
    items.map((folder) => [folder.path, folder.status, folder.id]),
  );
}

const itemRows = (items: readonly CatalogItemView[]): (string | number)[][] =>
  items.map((item) => [
    ...[timeText(item.time), item.folderPath, item.from, item.subject, bytesText(item.size), item.status],
    ...[timeText(item.validFrom.time), timeText(item.validTo.time), item.itemKey],
  ]);
const itemHead = [
  'TIME',
  'FOLDER',
  'FROM',
  'SUBJECT',
  'SIZE',
  'STATUS',
  'FIRST POINT',
  'LAST POINT',
  'ITEM KEY',
];

async function items(context: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const { client, screen } = context;
  const path = await shelfPath(context, args[0] ?? '', options);
  const wanted = (args[1] ?? '').toLowerCase();
  let folderId: string | undefined;
  for await (const folder of client.each<z.infer<typeof catalogFolderSchema>>(`${path}/folders`)) {
    if (folder.id === args[1] || folder.path.toLowerCase() === wanted) folderId = folder.id;
  }
  if (folderId === undefined) {
    throw new UsageError(`there is no folder "${args[1]}"`, 'See: holdfast explore folders MAILBOX');
  }
  const page = await client.list<CatalogItemView>(`${path}/folders/${step(folderId)}/items`, options.limit);
  if (screen.json) return screen.document(page);
  screen.table(itemHead, itemRows(page.items));
  if (page.next !== undefined) screen.note('There are more: use --limit.');
}

async function history(context: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const { client, screen } = context;
  const path = await shelfPath(context, args[0] ?? '', options);
  const page = await client.get<{ items: CatalogItemView[] }>(`${path}/items/${step(args[1] ?? '')}/history`);
  if (screen.json) return screen.document(page);
  screen.table(itemHead, itemRows(page.items));
}

async function show({ client, screen }: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const [given = '', folder = '', key = ''] = args;
  // What a search names may be known to the repository alone.
  const pointId = given.includes('.')
    ? given
    : (await resolvePoint(client, given, { organization: options.org, repository: options.repo })).id;
  let folderId = folder;
  if (folder.startsWith('/')) {
    const path = `/restore-points/${step(pointId)}/folders`;
    for await (const one of client.each<{ id: string; path: string }>(path))
      if (one.path.toLowerCase() === folder.toLowerCase()) folderId = one.id;
  }
  const path = `/restore-points/${step(pointId)}/folders/${step(folderId)}/items/${step(key)}/preview`;
  const preview = await client.get<Preview>(path);
  if (screen.json) return screen.document(preview);
  const lines: [string, string][] = [
    ['From', preview.from],
    ['To', preview.to.join(', ')],
    ['Cc', preview.cc.join(', ')],
    ['Sent', preview.sent === undefined ? '' : timeText(preview.sent)],
    ['Subject', preview.subject],
    ...preview.attachments.map((one): [string, string] => [
      'Attachment',
      `${one.name} (${bytesText(one.size)}, ${one.path})`,
    ]),
  ];
  for (const [name, value] of lines) if (value !== '') screen.line(`${name}: ${safeText(value)}`);
  screen.line('');
  for (const line of preview.text.split('\n')) screen.line(safeText(line));
  for (const note of preview.notes) screen.note(safeText(note));
}

interface CompareOptions extends PlaceOptions {
  folder?: string;
  change?: string;
}

async function compare(
  { client, screen }: Context,
  args: string[],
  options: CompareOptions,
): Promise<undefined> {
  const place = { organization: options.org, repository: options.repo };
  const point = await resolvePoint(client, args[0] ?? '', place);
  const other = args[1] === 'live' ? 'live' : (await resolvePoint(client, args[1] ?? '', place)).id;
  const path = `/restore-points/${step(point.id)}/compare`;
  const query = { with: other, folderId: options.folder, change: options.change };
  const found = await client.get<Comparison>(path, { ...query, limit: Math.min(options.limit, 1000) });
  if (screen.json) return screen.document(found);
  if (found.folders.length === 0 && found.items.length === 0) return void screen.line('No difference.');
  screen.table(
    ['FOLDER', 'NEW', 'DELETED', 'MOVED', 'CHANGED'],
    found.folders.map((one) => [one.folderPath, one.new, one.deleted, one.moved, one.changed]),
  );
  screen.table(
    ['CHANGE', 'FOLDER', 'TIME', 'FROM', 'SUBJECT', 'ITEM KEY'],
    found.items.map((one) => [
      one.what.length === 0 ? one.change : `${one.change} (${one.what.join(', ')})`,
      one.fromFolderPath === undefined ? one.folderPath : `${one.fromFolderPath} → ${one.folderPath}`,
      ...[timeText(one.time), one.from, one.subject, one.itemKey],
    ]),
  );
  if (found.cut) screen.note('There are more differences than are listed; the counts are whole.');
  if (found.next !== undefined) screen.note('There are more: use --limit.');
}

async function status({ client, screen }: Context, _: string[], options: PlaceOptions): Promise<undefined> {
  const scope = {
    organizationId:
      options.org === undefined ? undefined : (await resolveNamed(client, 'organization', options.org)).id,
    repositoryId:
      options.repo === undefined ? undefined : (await resolveNamed(client, 'repository', options.repo)).id,
  };
  const path = '/catalog';
  const page = await client.list<z.infer<typeof catalogMailboxSchema>>(path, options.limit, scope);
  if (screen.json) return screen.document(page);
  screen.table(
    ['MAILBOX', 'POINTS', 'NEWEST', 'BEHIND', 'TROUBLE'],
    page.items.map((one) => [
      one.address,
      one.indexedPoints,
      one.newest === undefined ? '' : timeText(one.newest.time),
      one.behind.points,
      one.trouble?.message ?? '',
    ]),
  );
}

async function rebuild(context: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const { client, screen } = context;
  const { id } = await repositoryOf(context, args[0]);
  const [, given] = args;
  const mailbox =
    given === undefined || /^[0-9a-f]{32}$/.test(given)
      ? given
      : (await resolveMailbox(client, given, options.org)).id;
  const body = { repositoryId: id, ...(mailbox === undefined ? {} : { mailbox }) };
  const asked = await client.send<{ mailboxes: number }>('POST', '/catalog/rebuild', body);
  if (screen.json) return screen.document(asked);
  screen.line(`${asked.mailboxes} mailboxes are made anew; see: holdfast catalog status`);
}

/** `holdfast search`, `explore`, `compare` and `catalog`. */
export function exploreCommands(runner: Runner, program: Command): void {
  const inOrg = (command: Command): Command => command.option('--org <org>', 'organization');
  const inPlace = (command: Command): Command => inOrg(command).option('--repo <repo>', 'repository');
  const searching = program
    .command('search <words...>')
    .description(
      'find items: word, "words side by side", begin*, *part*, from:, has:attachment, after:2026-01-31',
    )
    .option('--mailbox <mailbox...>', 'only these mailboxes')
    .option('--as-of <when>', 'ever, latest, a time, or a restore point', 'ever')
    .option('--rank', 'the best first, instead of the newest')
    .option('--parts', 'take each word as a part of a word')
    .option('--no-recoverable', 'not what is in Recoverable Items');
  act(runner, listLimit(inPlace(searching)), search);
  const explore = program.command('explore').description('look into repositories, over all restore points');
  const of = (name: string, about: string): Command =>
    listLimit(inPlace(explore.command(name).description(about)));
  act(runner, of('mailboxes [repo]', 'list the mailboxes of a repository'), mailboxes);
  act(runner, of('points <mailbox>', 'the timeline of a mailbox, partial points as well'), timeline);
  act(runner, of('folders <mailbox>', 'list all folders that ever were'), folders);
  act(runner, of('items <mailbox> <folder>', 'list all that ever was in a folder'), items);
  act(runner, of('history <mailbox> <item>', 'every form and place of an item'), history);
  act(runner, of('show <point> <folder> <item>', 'look at an item'), show);
  const comparing = program
    .command('compare <point> <other>')
    .description('compare a restore point with another one, or with "live"')
    .option('--folder <id>', 'only this folder')
    .option('--change <kind>', 'only new, deleted, moved or changed');
  act(runner, listLimit(inPlace(comparing)), compare);
  const catalog = program.command('catalog').description('what can be searched');
  act(
    runner,
    listLimit(inPlace(catalog.command('status').description('which mailboxes, how far behind'))),
    status,
  );
  const making = catalog.command('rebuild <repo> [mailbox]').description('make it anew from the repository');
  act(runner, listLimit(inPlace(making)), rebuild);
}
