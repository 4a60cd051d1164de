import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryBlobStore } from '../backends/memory.ts';
import { FRAME_HEADER_BYTES } from '../format/frame.ts';
import { scanFrames } from '../format/pack.ts';
import { damagedCopy, emptyFolder, reopen, storeMails } from '../testing/smallRepository.ts';
import type { Finding } from '../verify/finding.ts';

let folder: { path: string; remove: () => Promise<void> };
const sound = new MemoryBlobStore();
let ids: string[];
let caches = 0;

/** Text that does not shrink to nothing, large enough to be opened in a thread, in packs of 64 KiB. */
const text = (number: number) =>
  `Subject: ${number}\r\n\r\n${Array.from({ length: 1500 }, (_, at) => (number * 7919 + at * 104_729).toString(36)).join(' ')}`;

beforeAll(async () => {
  folder = await emptyFolder();
  const mails = Array.from({ length: 40 }, (_, number) => Buffer.from(text(number)));
  const stored = await storeMails(sound, `${folder.path}/made`, mails);
  ids = stored.map(({ objectId }) => objectId);
});

afterAll(() => folder.remove());

const damaged = (change: (blobs: Map<string, Uint8Array>) => void) => damagedCopy(sound, change);

const dataPacks = () => [...sound.blobs.keys()].filter((name) => name.endsWith('.d'));

/** What comes of reading all items at once and of verifying everything. */
async function use(store: MemoryBlobStore, threads: number) {
  const repository = await reopen(store, {
    cacheDir: `${folder.path}/${caches++}`,
    readOnly: true,
    threads,
  });
  try {
    const read = async (objectId: string) => {
      const pieces: Uint8Array[] = [];
      const item = await repository.readItem(objectId);
      for await (const piece of item.mime?.open() ?? []) pieces.push(piece);
      return Buffer.concat(pieces).toString('latin1');
    };
    const items = await Promise.all(ids.map((id) => read(id).catch((error) => error.code as string)));
    const findings: Finding[] = [];
    for await (const finding of repository.verify({ level: 'contents' })) findings.push(finding);
    return { items, findings };
  } finally {
    await repository.close();
  }
}

describe('reading threads', () => {
  test('read and find the same as the calling thread when nothing is damaged', async () => {
    const { findings, items } = await use(sound, 2);
    expect(items).toEqual(ids.map((_, number) => text(number)));
    expect(findings).toEqual([]);
  });

  test.each([
    ['type', 5],
    ['codec', 7],
    ['id', 8],
    ['length', 43],
    ['nonce', 70],
    ['tag', 80],
    ['body', FRAME_HEADER_BYTES + 100],
  ])('the same when the %s of a frame is damaged', async (_, place) => {
    const store = damaged((blobs) => {
      for (const name of dataPacks().slice(0, 2)) {
        const bytes = blobs.get(name) ?? new Uint8Array();
        const frame = scanFrames(bytes)[1];
        const at = (frame?.offset ?? 0) + place;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      }
    });
    const inThreads = await use(store, 2);
    expect(inThreads).toEqual(await use(store, 0));
    expect(inThreads.items.filter((item) => !item.startsWith('Subject'))).toHaveLength(2);
    expect(inThreads.findings.length).toBeGreaterThanOrEqual(2);
  });

  test.each([0, 2])(
    'a pack that is gone does not stop the check of the others (%s threads)',
    async (threads) => {
      const [gone = '', torn = ''] = dataPacks();
      const store = damaged((blobs) => {
        blobs.delete(gone);
        blobs.set(torn, (blobs.get(torn) ?? new Uint8Array()).slice(0, -10));
      });
      const { findings } = await use(store, threads);
      const kinds = findings.map(({ kind, subject }) => [kind, subject]);
      expect(kinds.filter(([, subject]) => subject === gone)).toEqual([['pack-missing', gone]]);
      expect(kinds).toContainEqual(['pack-damaged', torn]);
    },
  );
});
