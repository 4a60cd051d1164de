import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf, collect } from '../testing/memoryPoint.ts';
import { createDigestList } from './digestList.ts';
import { readExisting } from './existingItems.ts';
import { mimePartsOf } from './mimePartBytes.ts';
import { createMimeSlices } from './mimeSlices.ts';
import { planRestore } from './planRestore.ts';
import { forEachAtOnce } from './pool.ts';
import { lineIdOf, readLedger } from './sessionLedger.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

describe('parts of a stored message', () => {
  const message = Buffer.from(
    [
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'text',
      '--b',
      'Content-Type: application/pdf; name=a.pdf',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('the file').toString('base64'),
      '--b',
      'Content-Type: message/rfc822',
      '',
      'Subject: inner',
      '',
      'inner text',
      '--b--',
      '',
    ].join('\r\n'),
  );
  const stored = { ...bytesOf(message), parts: [] };

  test('small attachments are cut out and decoded, a nested message keeps its header', async () => {
    const parts = mimePartsOf(stored);
    expect((await collect(parts.open('2'))).toString()).toBe('the file');
    expect((await collect(parts.open('3'))).toString()).toBe('Subject: inner\r\n\r\ninner text');
    await expect(collect(parts.open('9'))).rejects.toThrow('no part 9');
  });

  test('a large message is cut as a stream', async () => {
    const parts = mimePartsOf({ ...stored, size: 1 << 30 });
    expect((await collect(parts.open('2'))).toString()).toBe('the file');
    expect((await collect(parts.open('3'))).toString()).toBe('Subject: inner\r\n\r\ninner text');
  });

  test('what the repository keeps on its own is read from there', async () => {
    const own = { path: '2', size: 3, open: () => inPieces(Buffer.from('own'), 1) };
    expect((await collect(mimePartsOf({ ...stored, parts: [own] }).open('2'))).toString()).toBe('own');
  });
});

describe('slices of a message', () => {
  const bytes = Buffer.from(Array.from({ length: 997 }, (_, n) => n % 251));
  let opened = 0;
  const source = (id: string) => ({
    id,
    find: async () => ({ key: id, time: 0, objectId: 'o', size: 0, state: {}, summary: {} }),
    read: async () => ({
      properties: {},
      extraParts: [],
      mime: {
        ...{ size: bytes.length, sha256: 'x', parts: [] },
        open: () => {
          opened++;
          return inPieces(bytes, 40);
        },
      },
    }),
  });

  test('any slice is right, whatever was read before', async () => {
    const slices = createMimeSlices(64, 2);
    await fc.assert(
      fc.asyncProperty(fc.nat(1100), fc.constantFrom('a', 'b', 'c'), async (offset, id) => {
        const slice = await slices.slice(source(id), offset);
        expect(slice.bytes.equals(bytes.subarray(offset, offset + 64))).toBe(true);
      }),
    );
    await slices.close();
  });

  test('reading one slice after the other opens the message once, side by side too', async () => {
    const slices = createMimeSlices(64, 2);
    opened = 0;
    const offsets = Array.from({ length: 16 }, (_, n) => n * 64);
    const read = await Promise.all(offsets.map((offset) => slices.slice(source('a'), offset)));
    expect(Buffer.concat(read.map((slice) => slice.bytes)).equals(bytes)).toBe(true);
    expect(opened).toBe(1);
    await slices.close();
  });
});

describe('the plan of a restore', () => {
  const folder = (id: string, parentId: string | null, name: string, count = 1) => ({
    id,
    parentId,
    name,
    count,
  });
  const folders = [
    folder('c', 'b', 'Deep', 3),
    folder('a', null, 'Inbox', 1),
    folder('b', 'a', 'Work', 2),
    folder('d', null, 'Work', 4),
  ];
  const ids = (plan: ReturnType<typeof planRestore>) => plan.folders.map(({ folder }) => folder.id);

  test('a mailbox: all folders, parents first', () => {
    const plan = planRestore(folders, { kind: 'mailbox' });
    expect(ids(plan)).toEqual(['a', 'd', 'b', 'c']);
    expect(plan.itemsTotal).toBe(10);
  });

  test('folders by id or path, with or without what is below', () => {
    const pick = (named: string, withSubfolders: boolean) =>
      ids(planRestore(folders, { kind: 'folders', folders: [named], withSubfolders }));
    expect(pick('b', true)).toEqual(['b', 'c']);
    expect(pick('/Inbox/Work', false)).toEqual(['b']);
    expect(pick('/inbox/WORK', false)).toEqual(['b']);
    expect(() => pick('/Inbox/None', true)).toThrow(expect.objectContaining({ code: 'folder-not-in-point' }));
  });

  test('a path that fits two folders is refused', () => {
    const twins = [...folders, folder('e', null, 'work')];
    const plan = () => planRestore(twins, { kind: 'folders', folders: ['/WORK'], withSubfolders: true });
    expect(plan).toThrow(expect.objectContaining({ code: 'folder-ambiguous' }));
  });

  test('an item of Recoverable Items that is named is never left out without a word', () => {
    const recoverable = [
      { ...folder('r', null, 'Recoverable Items', 0), role: 'recoverableitemsroot' },
      folder('p', 'r', 'Purges'),
    ];
    const items = ['a', 'p'].map((folderId) => ({ folderId, itemKey: 'x' }));
    const plan = (includeRecoverable: boolean) =>
      planRestore([...folders, ...recoverable], { kind: 'items', items }, { includeRecoverable });
    expect(() => plan(false)).toThrow(expect.objectContaining({ code: 'recoverable-not-asked-for' }));
    expect(ids(plan(true)).toSorted()).toEqual(['a', 'p']);
    expect(ids(planRestore([...folders, ...recoverable], { kind: 'mailbox' }))).not.toContain('p');
  });

  test('items are grouped by folder', () => {
    const items = [
      { folderId: 'd', itemKey: 'x' },
      { folderId: 'd', itemKey: 'y' },
      { folderId: 'a', itemKey: 'x' },
    ];
    const plan = planRestore(folders, { kind: 'items', items });
    expect(plan.folders.map(({ folder, itemKeys }) => [folder.id, itemKeys?.size])).toEqual([
      ['a', 1],
      ['d', 2],
    ]);
    expect(plan.itemsTotal).toBe(3);
  });
});

describe('bookkeeping', () => {
  test('what is there is taken once for each item of the backup; half done ones of others do not count', async () => {
    async function* pages() {
      yield [
        { id: '1', identityKey: 'twin' },
        { id: '2', identityKey: 'twin', marker: 'other/x' },
        { id: '3', identityKey: 'half', marker: 'other/y', unfinished: true },
      ];
      yield [
        { id: '4', identityKey: 'mine', marker: 'me/a' },
        { id: '5', identityKey: 'left', marker: 'me/b', unfinished: true, replaces: 'old' },
        { id: '6', identityKey: 'before' },
      ];
    }
    const takenBefore = createDigestList();
    takenBefore.add('before');
    const existing = await readExisting(pages(), {
      isOurs: (marker) => marker.startsWith('me/'),
      isLedgered: (marker) => marker === 'me/a',
      takenBefore,
    });
    expect([1, 2, 3].map(() => existing.take('twin'))).toEqual(['there', 'there', 'none']);
    expect(['half', 'mine', 'before'].map((key) => existing.take(key))).toEqual(['none', 'none', 'none']);
    expect(existing.madeBefore('me/a')).toBeUndefined();
    expect(existing.madeBefore('me/b')).toEqual({ id: '5', unfinished: true, replaces: 'old' });
  });

  test('with contents, of equal identities the one that looks the same is taken first', async () => {
    async function* pages() {
      yield [
        { id: '1', identityKey: 'twin', contentSign: 'x' },
        { id: '2', identityKey: 'twin', contentSign: 'y' },
        { id: '3', identityKey: 'one', contentSign: 'x' },
      ];
    }
    const existing = await readExisting(pages(), { isOurs: () => false, isLedgered: () => false });
    expect(existing.take('twin', 'y')).toBe('equal');
    expect(existing.take('twin', 'z')).toBe('several');
    expect(existing.take('twin', 'x')).toBe('none');
    expect(existing.take('one', 'y')).toBe('different');
    expect(existing.take('one', 'x')).toBe('none');
  });

  test('counters and done positions come from the ledger', async () => {
    const line = (position: number, action: 'created' | 'skipped', readBack: 'equal' | 'different') => ({
      ...{
        id: lineIdOf('restore-1', 0, position),
        sessionId: 'restore-1',
        part: 0,
        taken: [],
        itemKey: `k${position}`,
      },
      ...{
        folderPath: '/',
        subject: '',
        action,
        readBack,
        differences: [],
        notRestored: [],
        at: '2026-01-01T00:00:00Z',
      },
    });
    async function* lines() {
      yield line(0, 'created', 'equal');
      yield line(9000, 'created', 'different');
      yield line(20_000, 'skipped', 'equal');
    }
    const state = await readLedger(lines());
    expect(state.counters).toMatchObject({ itemsDone: 3, created: 2, skipped: 1, different: 1 });
    expect([0, 1, 9000, 20_000, 1e6].map((position) => state.isDone(position))).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect([state.hasItem('k0'), state.hasItem('k1')]).toEqual([true, false]);
    expect(lineIdOf('s', 0, 9) < lineIdOf('s', 0, 10)).toBe(true);
    expect(lineIdOf('s', 0, 10) < lineIdOf('s', 1, 0)).toBe(true);
  });

  test('a pool over a stream keeps its limit and ends with the first error', async () => {
    let running = 0;
    let peak = 0;
    const done: number[] = [];
    async function* numbers() {
      for (let n = 0; n < 10; n++) yield n;
    }
    const work = forEachAtOnce(numbers(), 3, async (n) => {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (n === 5) throw new Error('five');
      done.push(n);
    });
    await expect(work).rejects.toThrow('five');
    expect(peak).toBe(3);
    expect(running).toBe(0);
    expect(done.length).toBeLessThan(9);
  });
});
