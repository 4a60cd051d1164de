import { HoldfastError } from '@holdfast/contracts/errors';
import type { RepositoryConfig } from '../config.ts';
import { hasCode } from '../errors.ts';
import { PACKS_PREFIX, parsePackName } from '../format/names.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import type { ReadThreads } from '../packs/readThreads.ts';
import { parseManifest } from '../points/manifest.ts';
import { listPoints, type PointRef } from '../points/pointList.ts';
import type { BlobStore } from '../ports.ts';
import { IdSet, reachableObjects } from '../tree/reachable.ts';
import { checkPackBytes } from './checkPackBytes.ts';
import type { Finding } from './finding.ts';

/** One is checked, the next is read. */
const PACKS_A_THREAD = 2;

export interface VerifyOptions {
  /** `structure`: everything named exists and metadata reads; `contents`: every byte decrypts and hashes. */
  level: 'structure' | 'contents';
  /** Only these points; all when undefined. */
  points?: readonly PointRef[];
}

export interface VerifyDeps {
  store: BlobStore;
  config: RepositoryConfig;
  keys: MasterKeys;
  index: ObjectIndex;
  reader: ObjectReader;
  threads: ReadThreads;
}

/** Yields faults as they are found; damage never stops the check, storage errors do. */
export async function* verifyRepository(deps: VerifyDeps, options: VerifyOptions): AsyncIterable<Finding> {
  await deps.index.refresh();
  const missing = new Set<string>();
  for await (const finding of checkPresence(deps)) {
    if (finding.kind === 'pack-missing') missing.add(finding.subject);
    yield finding;
  }
  yield* checkPoints(deps, options.points);
  if (options.level === 'contents') yield* checkPacks(deps, missing);
}

/** Index against listing: each listed pack has an entry, each entry's pack is there in its full size. */
async function* checkPresence({ index, store }: VerifyDeps): AsyncIterable<Finding> {
  const expected = new Map(index.database.packs().map(({ name, size }) => [name, size]));
  for await (const { name, size } of store.list(PACKS_PREFIX)) {
    if (!parsePackName(name)) continue;
    const indexed = expected.get(name);
    expected.delete(name);
    if (indexed === undefined) {
      if (!index.isCondemned(name))
        yield { kind: 'pack-unindexed', subject: name, message: 'No index segment lists it.' };
    } else if (indexed !== size) {
      yield { kind: 'pack-damaged', subject: name, message: `It has ${size} bytes, not ${indexed}.` };
    }
  }
  for (const name of expected.keys()) {
    yield { kind: 'pack-missing', subject: name, message: 'The index lists it, the storage has it not.' };
  }
}

/** Everything that each point needs is listed; pages and lists are read and hashed on the way. */
async function* checkPoints(deps: VerifyDeps, only: readonly PointRef[] | undefined): AsyncIterable<Finding> {
  const visited = new IdSet();
  for await (const { name } of only ?? listPoints(deps.store)) {
    try {
      const { root } = parseManifest(await deps.store.get(name), name, deps.keys);
      for await (const id of reachableObjects(deps.reader, Buffer.from(root, 'hex'), visited)) {
        if (deps.index.locate(id).length > 0) continue;
        const subject = Buffer.from(id).toString('hex');
        yield { kind: 'object-missing', subject, message: 'No pack holds it.', point: name };
      }
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.errorClass === 'transient') throw error;
      const kind = error.code === 'damaged-manifest' ? 'point-damaged' : 'object-damaged';
      yield { kind, subject: String(error.details.objectId ?? name), message: error.message, point: name };
    }
  }
}

/**
 * Packs are read ahead and checked in threads, findings come in the order of the packs. Those that are missing were told
 * already.
 */
async function* checkPacks(deps: VerifyDeps, missing: ReadonlySet<string>): AsyncIterable<Finding> {
  const { database } = deps.index;
  const listed = database.objectsByPack();
  const ahead: Promise<Finding[]>[] = [];
  try {
    for (const { name } of database.packs()) {
      if (missing.has(name)) continue;
      const checked = checkPack(deps, name, listed.get(name) ?? 0);
      // Its failure is thrown when its turn comes; until then it must not count as unhandled.
      checked.catch(() => undefined);
      ahead.push(checked);
      if (ahead.length >= PACKS_A_THREAD * Math.max(1, deps.threads.count))
        yield* (await ahead.shift()) ?? [];
    }
    while (ahead.length > 0) yield* (await ahead.shift()) ?? [];
  } finally {
    await Promise.allSettled(ahead);
  }
}

async function checkPack(deps: VerifyDeps, name: string, listed: number): Promise<Finding[]> {
  const { config, keys, store, threads } = deps;
  const facts = { name, repositoryId: config.repositoryId, listed };
  try {
    const pack = await store.get(name);
    const whole = pack.buffer instanceof ArrayBuffer && pack.byteLength === pack.buffer.byteLength;
    // A view would be sent with everything behind it.
    if (!whole || threads.count === 0) return checkPackBytes(keys, facts, pack);
    const findings = await threads.ask({ verb: 'check', pack, facts }, [pack.buffer]);
    return findings ?? checkPackBytes(keys, facts, await store.get(name));
  } catch (error) {
    if (!hasCode(error, 'blob-not-found')) throw error;
    // Gone since the listing; a condemned one has been collected.
    if (deps.index.isCondemned(name)) return [];
    return [{ kind: 'pack-missing', subject: name, message: 'It went away during the check.' }];
  }
}
