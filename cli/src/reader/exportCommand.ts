import { type ExportFormat, exportFormats, isRecoverableRole } from '@holdfast/contracts';
import {
  exportItems,
  exportRequestSchema,
  folderPlace,
  type PointFolder,
  pointFolders,
  pointItems,
} from '@holdfast/export';
import type { Command } from 'commander';
import { exitCodes, UsageError } from '../errors.ts';
import { sizeOption } from '../sizes.ts';
import { bytesText } from '../units.ts';
import { chosenFolders, type FilterOptions, itemFilter, timeOption } from './itemFilter.ts';
import { filterOptions } from './listCommands.ts';
import { choosePoint } from './points.ts';
import { actOnRepository, type ReaderRunner, type Reading } from './reading.ts';

interface ExportOptions extends FilterOptions {
  at?: string;
  output: string;
  format: string;
  split?: string;
  withProperties?: boolean;
  recoverable?: boolean;
  item?: string[];
  word?: string[];
}

function formatOf(given: string): ExportFormat {
  const format = exportFormats.find((one) => one === given);
  if (format) return format;
  throw new UsageError(`--format: "${given}" is none`, `Choose one of ${exportFormats.join(', ')}.`);
}

function requestOf(options: ExportOptions, pointId: string) {
  const {
    at: _at,
    output: _output,
    recoverable: _recoverable,
    format,
    split,
    withProperties,
    ...selection
  } = options;
  const parsed = exportRequestSchema.safeParse({
    format: formatOf(format),
    splitBytes: sizeOption('--split', split),
    withProperties,
    what: { restorePoint: pointId, selection: JSON.parse(JSON.stringify(selection)) },
  });
  if (parsed.success) return parsed.data;
  throw new UsageError(`--split: ${parsed.error.issues[0]?.message ?? 'is no size'}`);
}

/** All folders but those of Recoverable Items; undefined when there are none of those. */
function outsideRecoverable(folders: readonly PointFolder[]): Set<string> | undefined {
  const roots = folders.filter(({ role }) => isRecoverableRole(role)).map(({ path }) => path);
  if (roots.length === 0) return undefined;
  const isOut = (path: string) => roots.some((root) => path === root || path.startsWith(`${root}/`));
  return new Set(folders.filter(({ path }) => !isOut(path)).map(({ id }) => id));
}

async function run({ repository, screen }: Reading, args: string[], options: ExportOptions): Promise<number> {
  const { ref, point } = await choosePoint(repository, args[0] ?? '', timeOption('--at', options.at));
  const request = requestOf(options, ref.pointId);
  const folders = await pointFolders(repository, point.root);
  const chosen = chosenFolders(folders, options.folder);
  const folderIds = chosen ?? (options.recoverable === true ? undefined : outsideRecoverable(folders));
  const keys = options.item && new Set(options.item);
  const filter = itemFilter(options.word ?? [], options);
  const items = pointItems(repository, point.root, {
    ...(folderIds && { folderIds }),
    matches: (item, folder) => (!keys || keys.has(item.key)) && filter(item, folder),
  });
  const place = await folderPlace(options.output);
  const manifest = await exportItems(items, place, request, {
    onProgress: (done) => {
      if (screen.live) screen.redraw(`${done.items} exported, ${bytesText(done.bytes)}`);
    },
  });
  screen.settle();
  const { volumes, ...facts } = manifest;
  if (screen.json)
    screen.document({ ...facts, volumes: volumes.length, output: options.output, time: point.time });
  else {
    screen.line(
      `Exported ${manifest.items} items, ${bytesText(manifest.bytes)}, of ${point.mailboxAddress} as of ${point.time} to ${options.output}`,
    );
    if (manifest.failed > 0)
      screen.note(`${manifest.failed} items could not be exported: see the manifests there`);
  }
  if (chosen === undefined && folderIds !== undefined)
    screen.note('Recoverable Items are left out: --recoverable exports them as well');
  if (manifest.items === 0 && manifest.failed === 0) {
    screen.note('nothing matches');
    return exitCodes.warning;
  }
  return manifest.failed > 0 ? exitCodes.warning : exitCodes.ok;
}

export function exportCommand(runner: ReaderRunner, program: Command): void {
  const command = program
    .command('export <point>')
    .description(
      'write the mail of a restore point (by its id, or the newest of a mailbox) to a folder, byte for byte; the same command again goes on where it was',
    )
    .requiredOption('-o, --output <folder>', 'folder to write to')
    .option('--format <format>', `${exportFormats.join(', ')}`, 'zip')
    .option('--split <size>', 'largest volume, such as 650M or 2G (2G by default)')
    .option('--with-properties', 'a JSON file with read state, flags and categories beside each message')
    .option('--word <word...>', 'only items whose subject or sender contains each word')
    .option('--recoverable', 'Recoverable Items as well (those in a given --folder always)')
    .option('--item <key...>', 'only these items');
  actOnRepository(runner, filterOptions(command), run);
}
