import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ExportFile, exportFormats, type RestoreSession } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { type Client, step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { safeText } from '../screen.ts';
import { sizeOption } from '../sizes.ts';
import { bytesText } from '../units.ts';
import { watchRestore } from '../watchRestore.ts';
import { type SelectionOptions, selectedOf, selectionOptions } from './restoreSelection.ts';

interface StartOptions extends SelectionOptions {
  format: string;
  split?: string;
  withProperties?: boolean;
  watch?: boolean;
  output?: string;
  key?: string;
}

const filesOf = async (client: Client, id: string): Promise<ExportFile[]> =>
  (await client.get<{ items: ExportFile[] }>(`/exports/${step(id)}/files`)).items;

async function start(context: Context, _args: string[], options: StartOptions): Promise<number> {
  const { client, screen } = context;
  const splitBytes = sizeOption('--split', options.split);
  const body = {
    ...(await selectedOf(client, options)),
    format: options.format,
    ...(splitBytes === undefined ? {} : { splitBytes }),
    ...(options.withProperties === true ? { withProperties: true } : {}),
  };
  const headers = options.key === undefined ? {} : { 'idempotency-key': options.key };
  const session = await client.send<RestoreSession>('POST', '/exports', body, headers);
  if (options.output === undefined && options.watch !== true) {
    if (screen.json) screen.document(session);
    else screen.line(`Requested ${session.id}. Watch it: holdfast restore watch ${session.id}`);
    return exitCodes.ok;
  }
  const code = await watchRestore(context, session.id);
  if (options.output === undefined || (code !== exitCodes.ok && code !== exitCodes.warning)) return code;
  await fetchAll(context, session.id, options.output);
  return code;
}

async function files({ client, screen }: Context, args: string[]): Promise<undefined> {
  const items = await filesOf(client, args[0] ?? '');
  if (screen.json) return screen.document({ items });
  screen.table(
    ['FILE', 'SIZE'],
    items.map(({ name, bytes }) => [name, bytesText(bytes)]),
  );
}

/** Downloads one file; it appears whole or not at all. The name comes from the server: it must stay in the folder. */
async function fetchOne(
  client: Client,
  id: string,
  { name, bytes }: ExportFile,
  folder: string,
): Promise<void> {
  const file = resolve(folder, name);
  if (!file.startsWith(resolve(folder) + sep)) throw new Error(`${name} leaves the folder`);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const partial = `${file}.partial`;
  try {
    const query = new URLSearchParams({ name });
    const { body, size } = await client.download(`/exports/${step(id)}/file?${query}`);
    let received = 0;
    async function* counted() {
      for await (const piece of body) {
        received += piece.length;
        yield piece;
      }
    }
    await pipeline(counted(), createWriteStream(partial, { mode: 0o600 }));
    if (received !== size || size < bytes)
      throw new Error(`${name}: only ${received} of ${size} bytes arrived`);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function fetchAll({ client, screen }: Context, id: string, folder: string): Promise<void> {
  const all = await filesOf(client, id);
  for (const [index, file] of all.entries()) {
    await fetchOne(client, id, file, folder);
    if (screen.live) screen.redraw(`${index + 1} of ${all.length} files`);
  }
  screen.settle();
  const bytes = all.reduce((sum, file) => sum + file.bytes, 0);
  if (screen.json) screen.document({ files: all.length, bytes, output: folder });
  else screen.line(`Downloaded ${all.length} files, ${bytesText(bytes)}, to ${safeText(folder)}`);
}

async function download(context: Context, args: string[], options: { output: string }): Promise<number> {
  const [id = ''] = args;
  const session = await context.client.get<RestoreSession>(`/restores/${step(id)}`);
  if (session.kind !== 'export') throw new UsageError(`${id} is no export`);
  await fetchAll(context, id, options.output);
  return exitCodes.ok;
}

export function exportCommands(runner: Runner, program: Command): void {
  const exports = program
    .command('export')
    .description('write backed-up mail as files; an export is watched and cancelled like a restore');
  const starting = selectionOptions(
    exports.command('start').description('export mailboxes, folders or items'),
  )
    .addOption(
      new Option('--format <format>', 'how it is written').choices([...exportFormats]).default('zip'),
    )
    .option('--split <size>', 'largest volume, such as 650M or 2G (2G by default)')
    .option('--with-properties', 'a JSON file with read state, flags and categories beside each message')
    .option('--watch', 'follow it to its end')
    .option('-o, --output <folder>', 'follow it and download the files to this folder')
    .option('--key <text>', 'a repeat with the same key makes no second export');
  act(runner, starting, start);
  act(runner, exports.command('files <export>').description('list its files'), files);
  const downloading = exports
    .command('download <export>')
    .description('download its files')
    .requiredOption('-o, --output <folder>', 'folder to write to');
  act(runner, downloading, download);
}
