import { type ExportFormat, exportFormats } from '@holdfast/contracts';
import { exportItems, exportRequestSchema, folderPlace, pointFolders, pointItems } from '@holdfast/export';
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
  item?: string[];
  word?: string[];
}

function formatOf(given: string): ExportFormat {
  const format = exportFormats.find((one) => one === given);
  if (format) return format;
  throw new UsageError(`--format: "${given}" is none`, `Choose one of ${exportFormats.join(', ')}.`);
}

function requestOf(options: ExportOptions, pointId: string) {
  const { at: _at, output: _output, format, split, withProperties, ...selection } = options;
  const parsed = exportRequestSchema.safeParse({
    format: formatOf(format),
    splitBytes: sizeOption('--split', split),
    withProperties,
    what: { restorePoint: pointId, selection: JSON.parse(JSON.stringify(selection)) },
  });
  if (parsed.success) return parsed.data;
  throw new UsageError(`--split: ${parsed.error.issues[0]?.message ?? 'is no size'}`);
}

async function run({ repository, screen }: Reading, args: string[], options: ExportOptions): Promise<number> {
  const { ref, point } = await choosePoint(repository, args[0] ?? '', timeOption('--at', options.at));
  const request = requestOf(options, ref.pointId);
  const folderIds = chosenFolders(await pointFolders(repository, point.root), options.folder);
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
    .option('--item <key...>', 'only these items');
  actOnRepository(runner, filterOptions(command), run);
}
