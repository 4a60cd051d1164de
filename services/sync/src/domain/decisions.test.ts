import { HoldfastError } from '@holdfast/contracts';
import type { FolderChange } from '@holdfast/exchange';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MailboxTaken } from '../errors.ts';
import type { FolderEntry } from '../ports.ts';
import { createByteBudget } from './byteBudget.ts';
import { checkpointDue } from './checkpointPolicy.ts';
import { findShortfalls, shortfallWarning } from './completeness.ts';
import { excludedFolders, orderedExclusions, topmostPaths } from './excludeFolders.ts';
import { folderPath } from './folderPath.ts';
import { createGapLedger, pauseAfterMs } from './gapLedger.ts';
import { itemTroubleOf } from './itemOutcome.ts';
import { createMovedItems } from './movedItems.ts';
import { mapPool } from './pool.ts';
import { createSeenItems } from './seenItems.ts';
import { foldersFromChanges, foldersFromList, readingOrder } from './syncFolders.ts';
import { emptyCursors, readCursors, readHeadState } from './syncState.ts';

const error = (errorClass: HoldfastError['errorClass'], code = 'x') =>
  new HoldfastError(code, errorClass, 'X.');
const minute = 60_000;

describe('gaps', () => {
  const subject = { itemKey: 'i1', folderId: 'f1', folderPath: '/Inbox', subject: 'S' };
  const at = Date.UTC(2026, 0, 1);

  test('a new gap is due in the next run, then the pauses grow up to a week', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 50].map((tries) => pauseAfterMs(tries) / minute)).toEqual([
      ...[0, 15, 60, 240, 1440, 10_080, 10_080, 10_080],
    ]);
  });

  test('a repeated failure keeps when it was first seen and counts the tries', () => {
    const ledger = createGapLedger([], 10);
    ledger.record(subject, error('permanent-item', 'corrupt'), at);
    ledger.record(subject, error('permanent-item', 'corrupt'), at + minute);
    expect(ledger.all()).toMatchObject([
      {
        code: 'corrupt',
        tries: 2,
        firstSeen: new Date(at).toISOString(),
        nextTry: new Date(at + 16 * minute).toISOString(),
      },
    ]);
    expect([ledger.size, ledger.added, ledger.healed]).toEqual([1, 1, 0]);
    expect(ledger.due(at + 15 * minute)).toEqual([]);
    expect(ledger.due(at + 16 * minute)).toHaveLength(1);
  });

  test('a gap that was carried and is healed counts as healed and not as added', () => {
    const before = createGapLedger([], 10);
    before.record(subject, error('permanent-item'), at);
    const ledger = createGapLedger(before.all(), 10);
    ledger.heal('i1');
    ledger.heal('i1');
    expect([ledger.size, ledger.added, ledger.healed]).toEqual([0, 0, 1]);
  });

  test('an item that left its folder takes its gap along only from that folder', () => {
    const ledger = createGapLedger([], 10);
    ledger.record(subject, error('permanent-item'), at);
    ledger.dropItem('i1', 'other');
    expect(ledger.size).toBe(1);
    ledger.record({ ...subject, folderId: 'f2' }, error('permanent-item'), at);
    ledger.dropItem('i1', 'f1');
    expect(ledger.inFolder('f2')).toBe(1);
    ledger.keepInFolder('f2', () => false);
    expect(ledger.size).toBe(0);
  });

  test('beyond the limit the mailbox is unreadable', () => {
    const ledger = createGapLedger([], 1);
    ledger.record(subject, error('permanent-item'), at);
    const second = () => ledger.record({ ...subject, itemKey: 'i2' }, error('permanent-item'), at);
    expect(second).toThrow(
      expect.objectContaining({ code: 'too-many-gaps', errorClass: 'permanent-mailbox' }),
    );
  });
});

describe('checkpoints', () => {
  const settings = { items: 100, bytes: 1000, ms: 5000 };

  test('any one of items, bytes and time makes one due', () => {
    expect(checkpointDue({ items: 100, bytes: 0, ms: 0 }, settings)).toBe(true);
    expect(checkpointDue({ items: 1, bytes: 1000, ms: 0 }, settings)).toBe(true);
    expect(checkpointDue({ items: 1, bytes: 0, ms: 5000 }, settings)).toBe(true);
    expect(checkpointDue({ items: 99, bytes: 999, ms: 4999 }, settings)).toBe(false);
  });

  test('time alone with nothing stored makes none', () => {
    expect(checkpointDue({ items: 0, bytes: 0, ms: 1e9 }, settings)).toBe(false);
  });
});

describe('trouble with an item', () => {
  test('what is about the item, about the moment, and about neither', () => {
    expect(itemTroubleOf(error('vanished'))).toBe('vanished');
    expect(itemTroubleOf(error('permanent-item'))).toBe('gap');
    expect(itemTroubleOf(error('transient'))).toBe('later');
    expect(itemTroubleOf(new TypeError('a defect of ours'))).toBe('later');
    for (const c of ['throttled', 'forbidden', 'permanent-mailbox', 'configuration'] as const) {
      expect(itemTroubleOf(error(c))).toBe('fatal');
    }
    expect(itemTroubleOf(error('transient', 'session-lost'))).toBe('fatal');
    expect(itemTroubleOf(new MailboxTaken('x'))).toBe('fatal');
  });
});

describe('folders', () => {
  const folder = (id: string, parentId: string | null, name = id): FolderEntry => ({ id, parentId, name });
  const source = (id: string, parentId: string | null, name = id) => ({ id, parentId, name, hidden: false });
  const tree = new Map([folder('a', null), folder('b', 'a'), folder('c', 'b')].map((f) => [f.id, f]));

  test('a repeated change is no work; a rename and a new folder are', () => {
    const work = foldersFromChanges(tree, [
      { kind: 'upsert', folder: source('a', null) },
      { kind: 'upsert', folder: source('b', 'a', 'B') },
      { kind: 'upsert', folder: source('d', 'a') },
    ]);
    const puts = [folder('b', 'a', 'B'), folder('d', 'a')];
    expect(work).toEqual({ puts, removes: [], excluded: [], orphans: false });
  });

  test('a removed parent with children left behind calls for the full list', () => {
    expect(foldersFromChanges(tree, [{ kind: 'removed', id: 'b' }])).toMatchObject({
      removes: ['b'],
      orphans: true,
    });
    const both = [
      { kind: 'removed' as const, id: 'b' },
      { kind: 'removed' as const, id: 'c' },
    ];
    expect(foldersFromChanges(tree, both)).toMatchObject({ removes: ['b', 'c'], orphans: false });
  });

  test('the full list is the truth', () => {
    expect(foldersFromList(tree, [source('a', null), source('x', 'a')])).toEqual({
      puts: [folder('x', 'a')],
      removes: ['b', 'c'],
      excluded: [],
    });
  });

  test('what is excluded goes with all below it, stays out when it changes, and comes back when it moves out', () => {
    const rules = [{ kind: 'path' as const, path: '/A/b' }];
    const list = [source('a', null), source('b', 'a'), source('c', 'b'), source('d', 'a')];
    const first = foldersFromList(tree, list, rules);
    expect(first).toEqual({
      puts: [folder('d', 'a')],
      removes: ['b', 'c'],
      excluded: [folder('b', 'a'), folder('c', 'b')],
    });
    const left = new Map([folder('a', null), folder('d', 'a')].map((f) => [f.id, f]));
    const change = (...changes: FolderChange[]) =>
      foldersFromChanges(left, changes, { rules, folders: first.excluded });
    const added = change({ kind: 'upsert', folder: source('e', 'c') });
    expect(added).toMatchObject({ puts: [], removes: [], orphans: false });
    expect(added.excluded.map(({ id }) => id)).toEqual(['b', 'c', 'e']);
    expect(change({ kind: 'upsert', folder: source('c', 'd') })).toMatchObject({
      puts: [folder('c', 'd')],
      excluded: [folder('b', 'a')],
    });
    expect(change({ kind: 'upsert', folder: source('b', 'a', 'renamed') }).puts.map(({ id }) => id)).toEqual([
      'b',
      'c',
    ]);
    expect(change({ kind: 'upsert', folder: source('d', 'b') })).toMatchObject({ removes: ['d'], puts: [] });
  });

  test('exclusions are compared whatever their order and spelling, and told by the topmost folders', () => {
    const one = orderedExclusions([
      { kind: 'path', path: 'Inbox/News/' },
      { kind: 'well-known', name: 'drafts' },
    ]);
    const other = orderedExclusions([
      { kind: 'well-known', name: 'drafts' },
      { kind: 'path', path: '/inbox/NEWS' },
      { kind: 'path', path: '/Inbox/News' },
    ]);
    expect(one).toEqual(other);
    expect(topmostPaths(new Map([['a', folder('a', null)]]), [folder('b', 'a'), folder('c', 'b')])).toEqual([
      '/a/b',
    ]);
    const circle = new Map([folder('x', 'y'), folder('y', 'x')].map((f) => [f.id, f]));
    expect(excludedFolders(circle, [{ kind: 'path', path: '/none' }]).size).toBe(0);
  });

  test('paths end at circles and unknown parents', () => {
    expect(folderPath(tree, 'c')).toBe('/a/b/c');
    const circle = new Map([folder('x', 'y'), folder('y', 'x')].map((f) => [f.id, f]));
    expect(folderPath(circle, 'x')).toBe('/y/x');
    expect(folderPath(new Map([['o', folder('o', 'gone')]]), 'o')).toBe('/o');
  });

  test('the inbox is read first and junk last', () => {
    const roles = [
      { ...folder('j', null), role: 'junkemail' },
      folder('m', null),
      { ...folder('i', null), role: 'inbox' },
    ];
    expect(readingOrder(roles)).toEqual(['i', 'm', 'j']);
  });
});

describe('completeness', () => {
  const counts = { folderId: 'f', path: '/F', reported: 5, stored: 3, gaps: 1 };

  test('what is missing beyond the gaps is a shortfall; more than reported is none', () => {
    expect(findShortfalls([counts])).toHaveLength(1);
    expect(
      findShortfalls([
        { ...counts, gaps: 2 },
        { ...counts, stored: 9 },
        { ...counts, reported: undefined },
      ]),
    ).toEqual([]);
  });

  test('the warning names the worst folder with both numbers', () => {
    const worse = { ...counts, path: '/G', reported: 50 };
    expect(shortfallWarning(findShortfalls([counts, worse]))?.message).toBe(
      'The source reports 50 items in /G, stored are 3 and 1 are known gaps and 1 more folders.',
    );
    expect(shortfallWarning([])).toBeUndefined();
  });
});

describe('bounded memory', () => {
  test('what was seen is found again, what was not is not', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 3000 }), fc.array(fc.string()), (ids, others) => {
        const seen = createSeenItems();
        for (const id of ids) seen.add(id);
        const known = new Set(ids);
        for (const id of [...ids, ...others]) expect(seen.has(id)).toBe(known.has(id));
        seen.add('one more');
        expect(seen.has('one more')).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('contents wait while the memory is full, and a huge one passes alone', async () => {
    const budget = createByteBudget(100);
    const letGo = budget.hold(1000);
    let passed = false;
    const waiting = budget.room().then(() => {
      passed = true;
    });
    await Promise.resolve();
    expect(passed).toBe(false);
    letGo();
    letGo();
    await waiting;
    expect(budget.held).toBe(0);
  });

  test('moved items beyond the limit are forgotten, oldest first', () => {
    const moved = createMovedItems(2);
    const entry = (key: string) => ({
      key,
      time: 0,
      objectId: 'o',
      changeKey: 'c',
      size: 1,
      state: {},
      summary: {},
    });
    for (const key of ['a', 'b', 'c']) moved.left(entry(key));
    expect(moved.arrived('a', 'c')).toBeUndefined();
    expect(moved.arrived('b', 'other content')).toBeUndefined();
    expect(moved.arrived('c', 'c')).toMatchObject({ key: 'c' });
    moved.takenOver('d');
    expect(moved.left(entry('d'))).toBe(false);
    expect(moved.left(entry('d'))).toBe(true);
  });

  test('a pool keeps order and limit, and after an error starts nothing new', async () => {
    let running = 0;
    let peak = 0;
    const work = async (n: number) => {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return n * 2;
    };
    expect(await mapPool([1, 2, 3, 4, 5], 2, work)).toEqual([2, 4, 6, 8, 10]);
    expect(peak).toBe(2);
    const begun: number[] = [];
    const failing = mapPool([1, 2, 3, 4, 5, 6], 2, async (n) => {
      begun.push(n);
      await new Promise((resolve) => setImmediate(resolve));
      if (n === 2) throw new Error('two');
    });
    await expect(failing).rejects.toThrow('two');
    expect(begun).toHaveLength(3);
    expect(await mapPool([], 3, work)).toEqual([]);
  });
});

describe('what is read back of cursors and heads', () => {
  test('cursors of this version are understood, anything else is none', () => {
    const cursors = {
      ...emptyCursors(5),
      folders: 'f',
      items: { a: { cursor: 'c' }, b: { inventory: true } },
    };
    expect(readCursors(JSON.parse(JSON.stringify(cursors)))).toEqual(cursors);
    for (const other of [undefined, null, 'x', { format: 2, items: {} }, {}])
      expect(readCursors(other)).toBeUndefined();
  });

  test('a head of an unknown shape is as good as none', () => {
    expect(readHeadState({ pointId: 7 })).toEqual({});
    expect(readHeadState(undefined)).toEqual({});
    expect(readHeadState({ claim: { taskId: 't' } })).toEqual({ claim: { taskId: 't' } });
  });
});
