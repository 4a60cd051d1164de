import { join } from 'node:path';
import { appendOnly, createRepository, type Repository, retrying } from '@holdfast/repository';
import {
  CHEAP_KDF,
  emptyFolder,
  type Fault,
  faulty,
  MemoryBlobStore,
  PASSPHRASE,
  recording,
  reopen,
  SMALL_SIZES,
  type StoreCall,
  scanFrames,
} from '@holdfast/repository/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { digestsOf, runScript, script, stateOf } from './repositoryScript.ts';

let folder: { path: string; remove: () => Promise<void> };
/** A repository as created, before the script: each world begins with a copy. */
const created = new MemoryBlobStore('created');
let calls: { verb: StoreCall['verb']; name: string }[] = [];
let worlds = 0;

beforeAll(async () => {
  folder = await emptyFolder();
  await createRepository(created, { passphrase: PASSPHRASE, kdf: CHEAP_KDF, sizes: SMALL_SIZES });
  const recorder = recording(copyOf(created));
  await runScript(appendOnly(recorder), cache());
  calls = recorder.calls;
});

afterAll(() => folder.remove());

describe('after every single call of the storage', () => {
  test('the recorded run is long enough to be worth it', () => {
    expect(calls.length).toBeGreaterThan(50);
    expect(calls.filter(({ verb }) => verb === 'put').length).toBeGreaterThan(15);
    expect(calls.some(({ verb }) => verb === 'remove')).toBe(false);
  });

  test('I1 I2 I3 I4 I8 I11 I14 I17: the process dies before it or after it, and the run is done again', async () => {
    for (let number = 0; number < calls.length; number++) {
      const isPut = calls[number]?.verb === 'put';
      // A call that changes nothing is the same before and after.
      for (const fault of isPut ? (['die-before', 'die-after'] as const) : (['die-before'] as const)) {
        await crashAndResume(number, fault);
      }
    }
    process.stdout.write(`crash points: ${worlds} worlds over ${calls.length} calls\n`);
  }, 300_000);

  test('I1 I2 I3 I8: the call or its answer is lost and the session ends, and the run is done again', async () => {
    for (let number = 0; number < calls.length; number++) {
      const isPut = calls[number]?.verb === 'put';
      for (const fault of isPut ? (['lost', 'applied-but-lost'] as const) : (['lost'] as const)) {
        await crashAndResume(number, fault);
      }
    }
  }, 300_000);

  test('I8: with retries the same losses go unnoticed', async () => {
    for (let number = 0; number < calls.length; number++) {
      for (const fault of ['lost', 'applied-but-lost'] as const) {
        const store = copyOf(created);
        const lossy = faulty(store, (call) => (call.number === number ? fault : 'none'));
        await runScript(appendOnly(retrying(lossy, { pause: async () => undefined })), cache());
        await expectAllPoints(store);
      }
    }
  }, 300_000);

  test('a full disk at any put leaves nothing half done, and the run ends when there is room', async () => {
    for (let number = 0; number < calls.length; number++) {
      if (calls[number]?.verb === 'put') await crashAndResume(number, 'full');
    }
  }, 300_000);
});

/** One world: the fault at one call, a look at what is there, the same run once more, another look. */
async function crashAndResume(number: number, fault: Fault): Promise<void> {
  worlds++;
  const store = copyOf(created);
  const recorder = recording(store);
  const broken = faulty(recorder, (call) => (call.number === number ? fault : 'none'));
  const failure = await runScript(appendOnly(broken), cache()).then(
    () => undefined,
    (error: unknown) => error,
  );
  // The last call may be one whose loss changes nothing for the run.
  if (failure !== undefined)
    expect(failure).toMatchObject({ code: expect.any(String), remedy: expect.anything() });
  const world = `call ${number} (${calls[number]?.verb} ${calls[number]?.name}) ${fault}`;
  await expectSound(store, world, { allPoints: false });
  await runScript(appendOnly(recorder), cache());
  await expectSound(store, world, { allPoints: true });
  expectNamesKept(recorder.calls, world);
}

async function expectSound(
  store: MemoryBlobStore,
  world: string,
  expected: { allPoints: boolean },
): Promise<void> {
  const repository = await reopen(store, { cacheDir: cache(), readOnly: true });
  try {
    const points = await listPoints(repository);
    // I8: one record a point, and after the resumed run every point.
    expect({ world, ids: [...new Set(points.map(({ pointId }) => pointId))].length }).toEqual({
      world,
      ids: points.length,
    });
    if (expected.allPoints)
      expect({ world, points: points.length }).toEqual({ world, points: script().length });
    // I1, I4: everything a point names is there and hashes to its id; every indexed place decodes.
    const findings: unknown[] = [];
    for await (const finding of repository.verify({ level: 'contents' })) {
      if (finding.kind !== 'pack-unindexed') findings.push(finding);
    }
    expect({ world, findings }).toEqual({ world, findings: [] });
    // I2: what was committed is what is read.
    for (const { pointId, root } of points) {
      const step = script().find((candidate) => candidate.pointId === pointId);
      const stored = digestsOf(await stateOf(repository, root));
      expect({ world, stored }).toEqual({ world, stored: step && digestsOf(step.state) });
    }
    expectNoncesUnique(store, world);
    await expectRebuiltIndex(store, repository, world);
  } finally {
    await repository.close();
  }
}

async function expectAllPoints(store: MemoryBlobStore): Promise<void> {
  const repository = await reopen(store, { cacheDir: cache(), readOnly: true });
  expect(await listPoints(repository)).toHaveLength(script().length);
  await repository.close();
}

async function listPoints(repository: Repository): Promise<{ pointId: string; root: string }[]> {
  const points: { pointId: string; root: string }[] = [];
  for await (const ref of repository.points()) {
    points.push({ pointId: ref.pointId, root: (await repository.readPoint(ref)).root });
  }
  return points;
}

/** I3: a second put of a name has the same bytes. */
function expectNamesKept(
  made: readonly { verb: string; name: string; sha256?: string }[],
  world: string,
): void {
  const bytes = new Map<string, string>();
  for (const { name, sha256, verb } of made) {
    if (verb !== 'put' || sha256 === undefined || name.startsWith('live/')) continue;
    expect({ world, name, sha256: bytes.get(name) ?? sha256 }).toEqual({ world, name, sha256 });
    bytes.set(name, sha256);
  }
}

/** I11: no salt and nonce twice, over all packs of all sessions. */
function expectNoncesUnique(store: MemoryBlobStore, world: string): void {
  const seen = new Set<string>();
  let frames = 0;
  for (const [name, bytes] of store.blobs) {
    if (!name.startsWith('packs/')) continue;
    for (const { offset } of scanFrames(bytes)) {
      seen.add(Buffer.from(bytes.subarray(offset + 48, offset + 76)).toString('hex'));
      frames++;
    }
  }
  expect({ world, nonces: seen.size }).toEqual({ world, nonces: frames });
}

/** I14: without any index segment, the footers give the same objects, and more: those of unindexed packs. */
async function expectRebuiltIndex(
  store: MemoryBlobStore,
  repository: Repository,
  world: string,
): Promise<void> {
  const bare = copyOf(store);
  for (const name of [...bare.blobs.keys()]) if (name.startsWith('index/')) bare.blobs.delete(name);
  const rebuilt = await reopen(bare, { cacheDir: cache() });
  try {
    await rebuilt.adoptUnindexedPacks();
    const unindexed: unknown[] = [];
    for await (const finding of repository.verify({ level: 'structure' })) unindexed.push(finding);
    const [before, after] = [repository.statistics(), rebuilt.statistics()];
    expect({ world, packs: after.packs }).toEqual({ world, packs: before.packs + unindexed.length });
    if (unindexed.length === 0)
      expect({ world, byType: after.byType }).toEqual({ world, byType: before.byType });
  } finally {
    await rebuilt.close();
  }
}

function copyOf(store: MemoryBlobStore): MemoryBlobStore {
  return new MemoryBlobStore('copy', new Map(store.blobs));
}

let caches = 0;

/** Each process of a world has a cache of its own: nothing may depend on it. */
function cache(): string {
  return join(folder.path, `cache-${caches++}`);
}
