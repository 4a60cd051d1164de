import type { JsonObject } from '@holdfast/contracts';
import { type CheckedItem, loadChecked } from './loadChecked.ts';
import { type ItemLine, type VolumeFacts, volumeFileName } from './manifest.ts';
import { fromLine, quoteForMbox } from './mboxQuoter.ts';
import type { ExportItem, ExportPlace } from './ports.ts';
import type { ExportRequest } from './request.ts';
import { itemFileName, safeName } from './safeNames.ts';
import { type ZipEntry, zipBytes } from './zipBytes.ts';

/** Items that go into one volume. */
export interface Batch {
  /** Counted from 1. */
  volume: number;
  items: readonly ExportItem[];
}

export interface WrittenVolume {
  facts: VolumeFacts;
  lines: ItemLine[];
}

interface Writing {
  batch: Batch;
  place: ExportPlace;
  request: ExportRequest;
  onItem: (line: ItemLine) => void;
  lines: ItemLine[];
  signal: AbortSignal;
}

const lineOf = ({ itemKey, folderPath, time, subject, from }: ExportItem): ItemLine => ({
  itemKey,
  folder: folderPath,
  time,
  subject,
  from,
});

/** The items of a batch, checked, one after the other; what is damaged becomes a line and is left out. */
async function* checkedItems(writing: Writing): AsyncGenerator<CheckedItem> {
  const { batch, place, lines, onItem, request, signal } = writing;
  const note = (line: ItemLine) => {
    lines.push(line);
    onItem(line);
  };
  for (const item of batch.items) {
    signal.throwIfAborted();
    const checked = await loadChecked(item, place);
    if ('failed' in checked) {
      const { code, message } = checked.failed;
      note({ ...lineOf(item), failed: { code, message } });
      continue;
    }
    try {
      if (!checked.message && request.format === 'mbox') {
        note({ ...lineOf(item), failed: { code: 'no-message', message: 'is no mail: export it as json' } });
        continue;
      }
      yield checked;
      const { message } = checked;
      const path = pathOf(writing, item, checked);
      note({ ...lineOf(item), path, ...(message && { bytes: message.size, sha256: message.sha256 }) });
    } finally {
      await checked.drop();
    }
  }
}

const treePath = (item: ExportItem, ending: string): string =>
  [...item.place, `${itemFileName(item)}.${ending}`].join('/');

function pathOf({ request, batch }: Writing, item: ExportItem, { message }: CheckedItem): string {
  if (request.format === 'mbox' || request.format === 'json') return fileOf(batch, request) ?? '';
  return treePath(item, message ? 'eml' : 'json');
}

function fileOf({ volume, items }: Batch, { format }: ExportRequest): string | undefined {
  if (format === 'eml') return undefined;
  if (format === 'zip') return volumeFileName(volume, '', 'zip');
  if (format === 'json') return volumeFileName(volume, '', 'jsonl');
  return volumeFileName(volume, safeName(items[0]?.place.join(' - ') ?? ''), 'mbox');
}

const propertiesOf = ({ item, loaded }: CheckedItem): JsonObject => ({
  itemKey: item.itemKey,
  folder: item.folderPath,
  time: item.time,
  state: item.state,
  properties: loaded.properties,
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
const jsonBytes = (value: JsonObject): AsyncIterable<Uint8Array> =>
  once(Buffer.from(`${JSON.stringify(value)}\n`, 'utf8'));

/** The files of an item in a tree. */
function* filesOf(writing: Writing, checked: CheckedItem): Generator<ZipEntry> {
  const { item, message } = checked;
  if (message) yield { path: treePath(item, 'eml'), time: item.time, open: message.open };
  if (!message || writing.request.withProperties) {
    yield { path: treePath(item, 'json'), time: item.time, open: () => jsonBytes(propertiesOf(checked)) };
  }
}

async function* zipEntries(writing: Writing): AsyncGenerator<ZipEntry> {
  for await (const checked of checkedItems(writing)) yield* filesOf(writing, checked);
}

async function* mboxBytes(writing: Writing): AsyncGenerator<Uint8Array> {
  for await (const { item, message } of checkedItems(writing)) {
    if (!message) continue;
    yield Buffer.from(fromLine(item.from, item.time), 'latin1');
    yield* quoteForMbox(message.open());
    yield Buffer.from('\n');
  }
}

async function* jsonLines(writing: Writing): AsyncGenerator<Uint8Array> {
  for await (const checked of checkedItems(writing)) yield* jsonBytes(propertiesOf(checked));
}

async function writeTree(writing: Writing): Promise<number> {
  let bytes = 0;
  for await (const checked of checkedItems(writing)) {
    for (const file of filesOf(writing, checked)) {
      bytes += (await writing.place.writeWhole(file.path, file.open())).bytes;
    }
  }
  return bytes;
}

/** Writes one volume and gives the lines of its manifest. Writing it again replaces it with the same. */
export async function writeVolume(
  batch: Batch,
  place: ExportPlace,
  request: ExportRequest,
  options: { onItem: (line: ItemLine) => void; signal: AbortSignal },
): Promise<WrittenVolume> {
  const writing: Writing = { batch, place, request, lines: [], ...options };
  const file = fileOf(batch, request);
  const written =
    file === undefined
      ? { bytes: await writeTree(writing) }
      : await place.writeWhole(file, volumeBytes(writing));
  const { lines } = writing;
  const failed = lines.filter((line) => line.failed).length;
  const messageBytes = lines.reduce((sum, line) => sum + (line.bytes ?? 0), 0);
  const counts = { items: lines.length - failed, failed, messageBytes };
  return {
    lines,
    facts: { volume: batch.volume, ...(file !== undefined && { file }), ...written, ...counts },
  };
}

function volumeBytes(writing: Writing): AsyncIterable<Uint8Array> {
  if (writing.request.format === 'zip') return zipBytes(zipEntries(writing));
  return writing.request.format === 'mbox' ? mboxBytes(writing) : jsonLines(writing);
}
