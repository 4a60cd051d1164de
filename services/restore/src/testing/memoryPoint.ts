import { createHash } from 'node:crypto';
import type { MailboxRef } from '@holdfast/exchange';
import type { MemoryExchange } from '@holdfast/exchange/testing';
import type { PointContents, PointFolder, PointItem, StoredItem } from '../ports.ts';

/** A restore point in memory: the mailbox as it is now. */
export async function memoryPointOf(exchange: MemoryExchange, ref: MailboxRef): Promise<PointContents> {
  const reader = await exchange.reader(ref, { signal: new AbortController().signal });
  const folders: PointFolder[] = [];
  const items = new Map<string, PointItem[]>();
  const objects = new Map<string, StoredItem>();
  for (const { id, parentId, name, role } of await reader.folders()) {
    const entries: PointItem[] = [];
    for await (const page of reader.inventory(id)) {
      for (const listed of page) {
        const { properties, mime, extraParts } = await reader.content(listed);
        const extra = [];
        for (const { name: partName, data } of extraParts) {
          const bytes = await collect(data);
          extra.push({ name: partName, ...bytesOf(bytes) });
        }
        const whole = mime instanceof Uint8Array ? Buffer.from(mime) : await collect(mime);
        objects.set(listed.id, { properties, mime: { ...bytesOf(whole), parts: [] }, extraParts: extra });
        const { time, state, summary } = listed;
        entries.push({ key: listed.id, time, objectId: listed.id, size: whole.length, state, summary });
      }
    }
    entries.sort((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1));
    items.set(id, entries);
    folders.push({ id, parentId, name, count: entries.length, ...(role === undefined ? {} : { role }) });
  }
  await reader.close();
  return {
    gaps: [],
    folders: async () => structuredClone(folders),
    items: async function* (folderId, { newestFirst, after } = {}) {
      const all = items.get(folderId) ?? [];
      const ordered = newestFirst === true ? all.toReversed() : all;
      const from = after === undefined ? 0 : ordered.findIndex((item) => item.key === after.key) + 1;
      for (const item of ordered.slice(from)) yield await Promise.resolve(structuredClone(item));
    },
    read: async (objectId) => {
      const found = objects.get(objectId);
      if (found === undefined) throw new Error(`no object ${objectId}`);
      return found;
    },
  };
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

export const bytesOf = (bytes: Uint8Array) => ({
  size: bytes.byteLength,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  open: () => pieces(bytes),
});

/** In small pieces, so that no reader relies on getting everything at once. */
async function* pieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 7) yield await Promise.resolve(bytes.subarray(at, at + 7));
}
