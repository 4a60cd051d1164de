import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryBlobStore } from '../backends/memory.ts';
import type { RepositorySizes } from '../config.ts';
import { createRepository } from '../createRepository.ts';
import type { Kdf } from '../keys/kdf.ts';
import { type OpenOptions, openRepository } from '../openRepository.ts';
import type { PointInput } from '../points/manifest.ts';
import type { BlobStore } from '../ports.ts';
import type { Repository } from '../repository.ts';
import type { StoredFacts } from '../session/storedFacts.ts';

/** Milliseconds instead of half a second. */
export const CHEAP_KDF: Kdf = { name: 'scrypt', n: 16, r: 1, p: 1 };
export const PASSPHRASE = 'a passphrase for tests';
/** So small that little mail fills several packs and segments. */
export const SMALL_SIZES: Partial<RepositorySizes> = {
  dataPackBytes: 64 * 1024,
  metadataPackBytes: 64 * 1024,
  partBytes: 1024,
  segmentBytes: 16 * 1024,
};

/** In memory where the system has such a place: tests of thousands of worlds must not wait for a disk. */
export async function emptyFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const path = await mkdtemp(join(place, 'holdfast-repository-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A new repository, open, with a cache folder of its own. Sealing happens in the calling thread. */
export async function newRepository(
  store: BlobStore,
  options: Partial<OpenOptions> & { cacheDir: string; sizes?: Partial<RepositorySizes> },
): Promise<Repository> {
  const { sizes, ...open } = options;
  await createRepository(store, {
    passphrase: PASSPHRASE,
    kdf: CHEAP_KDF,
    sizes: sizes ?? SMALL_SIZES,
    ...(open.clock ? { clock: open.clock } : {}),
    ...(open.random ? { random: open.random } : {}),
  });
  return reopen(store, open);
}

export function reopen(
  store: BlobStore,
  options: Partial<OpenOptions> & { cacheDir: string },
): Promise<Repository> {
  return openRepository(store, {
    secret: { passphrase: PASSPHRASE },
    threads: 0,
    commitIntervalMs: 0,
    ...options,
  });
}

/** A restore point with everything that is required. */
export function pointInput(input: Partial<PointInput> & Pick<PointInput, 'pointId' | 'root'>): PointInput {
  return {
    mailboxIdentity: 'mailbox-1',
    mailboxAddress: 'ann@example.com',
    organizationId: 'org',
    kind: 'full',
    time: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:01:00.000Z',
    cursors: {},
    counts: { reported: 0, stored: 0, folders: 0, new: 0, changed: 0, removed: 0, bytes: 0 },
    gaps: [],
    runId: 'run',
    jobId: 'job',
    writerVersion: 'test',
    ...input,
  };
}

/** Makes a repository with one folder of these mails and one restore point; answers what each was stored as. */
export async function storeMails(
  store: BlobStore,
  cacheDir: string,
  mails: readonly Buffer[],
): Promise<StoredFacts[]> {
  const repository = await newRepository(store, { cacheDir });
  const session = await repository.openSession({ writer: 'test' });
  const tree = await session.openTree();
  await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox' });
  const stored: StoredFacts[] = [];
  for (const [number, mime] of mails.entries()) {
    const facts = await session.storeItem({ properties: { number }, mime });
    stored.push(facts);
    const { objectId } = facts;
    const place = { key: `${number}`, time: number, objectId, changeKey: '', size: 1 };
    await tree.putItem('inbox', { ...place, state: {}, summary: {} });
  }
  const { root } = await tree.commit();
  await session.commitPoint(pointInput({ pointId: '0123456789abcdef', root }));
  await repository.close();
  return stored;
}

/** A copy with a damage in it. */
export function damagedCopy(
  sound: MemoryBlobStore,
  change: (blobs: Map<string, Uint8Array>) => void,
): MemoryBlobStore {
  const blobs = new Map([...sound.blobs].map(([name, bytes]) => [name, bytes.slice()]));
  change(blobs);
  return new MemoryBlobStore('damaged', blobs);
}
