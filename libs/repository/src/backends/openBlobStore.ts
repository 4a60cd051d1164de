import type { BlobStore } from '../ports.ts';
import { FsBlobStore } from './fs.ts';
import { MemoryBlobStore } from './memory.ts';
import { readOnly } from './readOnly.ts';
import { retrying } from './retry.ts';

/** Where a repository lies. */
export type BlobStoreSpec =
  | { kind: 'fs'; path: string; readOnly?: boolean }
  | { kind: 'memory'; name: string };

/** Stores in memory live as long as the process and are shared by name. */
const memoryStores = new Map<string, MemoryBlobStore>();

/**
 * Opens the place. Transient faults are retried inside. Throws a `StorePermanent` with a remedy when a folder
 * cannot be read or made.
 */
export async function openBlobStore(spec: BlobStoreSpec): Promise<BlobStore> {
  if (spec.kind === 'memory') {
    const known = memoryStores.get(spec.name) ?? new MemoryBlobStore(spec.name);
    memoryStores.set(spec.name, known);
    return known;
  }
  const store = new FsBlobStore(spec.path);
  // Whoever only reads must not make folders or clean up, and may not be able to.
  if (spec.readOnly) return retrying(readOnly(store));
  await store.prepare();
  // What a killed process left unfinished; a day is longer than any put takes.
  await store.sweepTemporary(24 * 3600 * 1000);
  return retrying(store);
}
