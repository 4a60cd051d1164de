import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ListedFolder, ListedItem, RestorePointRecord } from '@holdfast/contracts';
import { itemFileName } from '@holdfast/export';
import type { Command } from 'commander';
import { type Client, step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { listLimit } from '../options.ts';
import { resolveMailbox, resolveNamed, resolvePoint } from '../resolve.ts';
import { safeText } from '../screen.ts';
import { bytesText, timeText } from '../units.ts';

interface PlaceOptions {
  org?: string;
  repo?: string;
  limit: number;
}

async function list({ client, screen }: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const mailbox = await resolveMailbox(client, args[0] ?? '', options.org);
  const repositoryId =
    options.repo === undefined ? undefined : (await resolveNamed(client, 'repository', options.repo)).id;
  const path = `/mailboxes/${step(mailbox.id)}/restore-points`;
  const page = await client.list<RestorePointRecord>(path, options.limit, { repositoryId });
  if (screen.json) return screen.document(page);
  screen.table(
    ['TIME', 'RESTORE POINT', 'KIND', 'ITEMS', 'FOLDERS', 'NEW', 'GAPS', 'REMOVED AFTER'],
    page.items.map((point) => [
      timeText(point.time),
      point.id,
      point.kind,
      point.itemsTotal,
      point.folders,
      point.totals.itemsNew,
      point.gapsOpen,
      timeText(point.condemned?.removeAfter),
    ]),
  );
}

const pointOf = (client: Client, given: string | undefined, options: PlaceOptions) =>
  resolvePoint(client, given ?? '', { organization: options.org, repository: options.repo });

const foldersPath = (point: RestorePointRecord) => `/restore-points/${step(point.id)}/folders`;

async function folders(
  { client, screen }: Context,
  args: string[],
  options: PlaceOptions,
): Promise<undefined> {
  const point = await pointOf(client, args[0], options);
  const all: ListedFolder[] = [];
  for await (const folder of client.each<ListedFolder>(foldersPath(point))) all.push(folder);
  if (screen.json) return screen.document({ point: point.id, items: all });
  screen.table(
    ['PATH', 'ITEMS', 'ID'],
    all.map((folder) => [folder.path, folder.items, folder.id]),
  );
}

/** A folder by its id or its path. @throws UsageError */
async function folderOf(client: Client, point: RestorePointRecord, given: string): Promise<ListedFolder> {
  const wanted = given.replace(/\/+$/, '').toLowerCase();
  for await (const folder of client.each<ListedFolder>(foldersPath(point))) {
    if (folder.id === given || folder.path.toLowerCase() === wanted) return folder;
  }
  throw new UsageError(
    `there is no folder "${given}" in this restore point`,
    `See: holdfast point folders ${point.id}`,
  );
}

const itemsPath = (point: RestorePointRecord, folder: ListedFolder) =>
  `${foldersPath(point)}/${step(folder.id)}/items`;

async function items({ client, screen }: Context, args: string[], options: PlaceOptions): Promise<undefined> {
  const point = await pointOf(client, args[0], options);
  const folder = await folderOf(client, point, args[1] ?? '');
  const page = await client.list<ListedItem>(itemsPath(point, folder), options.limit);
  if (screen.json) return screen.document({ point: point.id, folder: folder.id, ...page });
  screen.table(
    ['TIME', 'FROM', 'SUBJECT', 'SIZE', 'ITEM KEY'],
    page.items.map((item) => [
      timeText(item.time),
      item.from,
      item.subject,
      bytesText(item.size),
      item.itemKey,
    ]),
  );
  if (page.next !== undefined) screen.note('There are more: use --limit.');
}

interface ExportOptions extends PlaceOptions {
  output: string;
}

interface Exported {
  file: string;
  itemKey: string;
  bytes: number;
  sha256: string;
}

/** Writes one message under a name of ours; the file appears whole and proven, or not at all. */
async function exportOne(
  client: Client,
  path: string,
  item: ListedItem,
  directory: string,
): Promise<Exported> {
  const file = join(directory, `${itemFileName(item)}.eml`);
  const partial = `${file}.partial`;
  const { body, sha256 } = await client.download(`${path}/${step(item.itemKey)}/mime`);
  const hash = createHash('sha256');
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(counted(), createWriteStream(partial, { mode: 0o600 }));
    const actual = hash.digest('hex');
    if (actual !== sha256) throw new Error(`${item.itemKey}: what arrived is not what was stored`);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { file, itemKey: item.itemKey, bytes, sha256 };
}

async function toStdout({ client, io }: Context, path: string, itemKey: string): Promise<number> {
  const { body } = await client.download(`${path}/${step(itemKey)}/mime`);
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      io.out.writeBytes(chunk, () => done());
    },
  });
  await pipeline(body, out);
  return exitCodes.ok;
}

async function exportItems(context: Context, args: string[], options: ExportOptions): Promise<number> {
  const { client, screen } = context;
  const [pointName, folderName, ...keys] = args;
  const point = await pointOf(client, pointName, options);
  const folder = await folderOf(client, point, folderName ?? '');
  const path = itemsPath(point, folder);
  if (options.output === '-') {
    const [key, ...others] = keys;
    if (key === undefined || others.length > 0)
      throw new UsageError('stdout takes exactly one item: name its key');
    return toStdout(context, path, key);
  }
  await mkdir(options.output, { recursive: true, mode: 0o700 });
  const wanted = new Set(keys);
  const exported: Exported[] = [];
  const failed: { itemKey: string; error: string }[] = [];
  for await (const item of client.each<ListedItem>(path)) {
    if (keys.length > 0 && !wanted.delete(item.itemKey)) continue;
    try {
      exported.push(await exportOne(client, path, item, options.output));
      if (screen.live) screen.redraw(`${exported.length} of ${keys.length || folder.items} exported`);
    } catch (error) {
      failed.push({ itemKey: item.itemKey, error: error instanceof Error ? error.message : String(error) });
    }
    if (keys.length > 0 && wanted.size === 0) break;
  }
  screen.settle();
  for (const itemKey of wanted) failed.push({ itemKey, error: 'is not in this folder' });
  if (screen.json) screen.document({ exported, failed });
  else {
    const bytes = exported.reduce((sum, one) => sum + one.bytes, 0);
    screen.line(`Exported ${exported.length} messages, ${bytesText(bytes)}, to ${options.output}`);
    for (const { itemKey, error } of failed)
      screen.note(`not exported: ${safeText(itemKey)}: ${safeText(error)}`);
  }
  if (failed.length === 0) return exitCodes.ok;
  return exported.length === 0 ? exitCodes.failed : exitCodes.warning;
}

export function pointCommands(runner: Runner, program: Command): void {
  const point = program
    .command('point')
    .description('restore points: name one by its id, or by a mailbox for its newest complete one');
  const place = (command: Command): Command =>
    command.option('--org <org>', 'organization of the mailbox').option('--repo <repo>', 'repository');
  act(runner, listLimit(place(point.command('list <mailbox>').description('list, newest first'))), list);
  act(runner, place(point.command('folders <point>').description('list its folders')), folders);
  const listing = point.command('items <point> <folder>').description('list a folder, newest first');
  act(runner, listLimit(place(listing)), items);
  const exporting = point
    .command('export <point> <folder> [item...]')
    .description(
      'write messages as .eml, byte for byte as they were stored: the named ones, or the whole folder',
    )
    .requiredOption('-o, --output <folder>', 'folder to write to, - for stdout (one item)');
  act(runner, place(exporting), exportItems);
}
