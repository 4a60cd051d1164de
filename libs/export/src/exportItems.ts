import { HoldfastError } from '@holdfast/contracts';
import {
  beginningName,
  type ExportManifest,
  type ItemLine,
  manifestName,
  type VolumeFacts,
  volumeFactsOf,
  volumeManifestName,
} from './manifest.ts';
import type { ExportItem, ExportPlace } from './ports.ts';
import type { ExportRequest } from './request.ts';
import { type Batch, writeVolume } from './writeVolume.ts';

/** A volume's items are held as a list, with some hundred bytes each. */
const mostItems = 20_000;
/** A tree of files is noted in such steps: so much may be written again after a crash. */
const mostTreeItems = 500;

export interface ExportOptions {
  /** Called for each item, also for those of volumes that an earlier try has finished (`resumed`). */
  onProgress?: (done: { items: number; failed: number; bytes: number; resumed: boolean }) => void;
  signal?: AbortSignal;
}

/**
 * Exports items into volumes with manifests; goes on behind the volumes that are finished when it is called again
 * with the same request over the same items. Ends with `manifest.json`.
 *
 * @throws HoldfastError `export-differs` when the place holds an export of something else; storage errors as they are.
 */
export async function exportItems(
  items: AsyncIterable<ExportItem>,
  place: ExportPlace,
  request: ExportRequest,
  options: ExportOptions = {},
): Promise<ExportManifest> {
  await begin(place, request);
  const signal = options.signal ?? new AbortController().signal;
  const volumes: (VolumeFacts & { manifest: string })[] = [];
  const total = { items: 0, failed: 0, bytes: 0 };
  const add = (more: { items: number; failed: number; bytes: number }, resumed: boolean) => {
    total.items += more.items;
    total.failed += more.failed;
    total.bytes += more.bytes;
    options.onProgress?.({ ...total, resumed });
  };
  for await (const batch of batches(items, request)) {
    signal.throwIfAborted();
    const manifest = volumeManifestName(batch.volume);
    const known = await finishedVolume(place, manifest);
    if (known) {
      add({ items: known.items, failed: known.failed, bytes: known.messageBytes }, true);
      volumes.push({ ...known, manifest });
      continue;
    }
    const onItem = (line: ItemLine) =>
      add({ items: line.failed ? 0 : 1, failed: line.failed ? 1 : 0, bytes: line.bytes ?? 0 }, false);
    const written = await writeVolume(batch, place, request, { onItem, signal });
    // The volume is durable before the manifest that says so.
    await place.writeWhole(manifest, lines([...written.lines, written.facts]));
    volumes.push({ ...written.facts, manifest });
  }
  const { format, what } = request;
  const whole: ExportManifest = { holdfastExport: 1, format, what, volumes, ...total };
  await place.writeWhole(manifestName, lines([whole]));
  return whole;
}

async function finishedVolume(place: ExportPlace, manifest: string): Promise<VolumeFacts | undefined> {
  const bytes = await place.read(manifest);
  return bytes && volumeFactsOf(bytes);
}

async function begin(place: ExportPlace, request: ExportRequest): Promise<void> {
  const beginning = `${JSON.stringify(request)}\n`;
  const there = await place.read(beginningName);
  if (there === undefined) {
    await place.writeWhole(beginningName, bytesOf(beginning));
    return;
  }
  if (Buffer.from(there).toString('utf8') === beginning) return;
  throw new HoldfastError(
    'export-differs',
    'configuration',
    `the ${place.description} holds an export of something else, or in another format`,
    { remedy: 'Export to an empty folder; to go on with an export, repeat its command as it was.' },
  );
}

/** Cuts the items into volumes by what the listing says of them, so that the cuts are the same each time. */
async function* batches(items: AsyncIterable<ExportItem>, request: ExportRequest): AsyncGenerator<Batch> {
  const most = request.format === 'eml' ? mostTreeItems : mostItems;
  let batch: ExportItem[] = [];
  let bytes = 0;
  let volume = 1;
  for await (const item of items) {
    const otherFolder = request.format === 'mbox' && batch[0] && batch[0].folderId !== item.folderId;
    const full = batch.length > 0 && (bytes + item.size > request.splitBytes || batch.length >= most);
    if (otherFolder || full) {
      yield { volume, items: batch };
      volume += 1;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += item.size;
  }
  if (batch.length > 0) yield { volume, items: batch };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text, 'utf8');
}

async function* lines(values: readonly object[]): AsyncGenerator<Uint8Array> {
  for (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');
}
