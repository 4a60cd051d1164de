import { itemCutOff } from '@holdfast/scheduling';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { keptByCalendar } from '../../libs/scheduling/src/testing/keptByCalendar.ts';
import { createHistory, type History, type Model } from './retentionHistory.ts';

jest.setTimeout(1_200_000);

const dayMs = 24 * 60 * 60 * 1000;
const days = 3 * 365 + 1;
const startMs = Date.parse('2023-11-25T01:30:00Z');
const nowMs = Date.parse('2026-11-25T03:00:00Z');

let history: History;
beforeEach(async () => {
  history = await createHistory(nowMs);
});
afterEach(() => history.end());

/** What must hold at any time: what is left is whole, and each point is the mailbox as it was. */
async function expectWhole(name: string, model: Model): Promise<void> {
  for (const time of await history.times(name))
    expect(await history.itemsAt(name, time)).toEqual(model.get(time));
}

async function findings(): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const finding of history.repository.verify({ level: 'structure' })) found.push(finding);
  return found;
}

describe('three years of nightly backups: one mailbox busy, one quiet, one left by its owner', () => {
  const gfs = {
    keepLast: 3,
    daily: 7,
    weekly: 5,
    monthly: 12,
    yearly: 3,
    keepAllDays: 5,
    timeZone: 'Europe/Berlin',
  };

  test('GFS leaves what an independent calendar says, also over changes of the policy, and frees what it said', async () => {
    const models = {
      busy: await history.grow('busy', { fromMs: startMs, days, changes: () => true }),
      quiet: await history.grow('quiet', { fromMs: startMs, days, changes: (day) => (day * 7) % 23 === 0 }),
      left: await history.grow('left', { fromMs: startMs, days, changes: (day) => day < 60 }),
    };
    const names = ['busy', 'quiet', 'left'] as const;
    const made = new Map(names.map((name) => [name, [...models[name].keys()]]));
    expect([...made.values()].map(({ length }) => length)).toEqual([1_096, 48, 60]);
    const all = await history.repository.measureFreed(await history.names());
    // Changing a tree leaves a page behind now and then; nothing else is stored that no restore point needs.
    const stored = history.repository.statistics().objects;
    expect(all.objects).toBeLessThanOrEqual(stored);
    expect(all.objects).toBeGreaterThan(stored * 0.99);

    // The guard stops what takes nearly everything; nobody has approved it, so nothing goes.
    let policy = await history.policy(gfs);
    expect(await history.nextPass()).toMatchObject({ condemned: 0, expired: 0, guarded: 3 });
    expect(await history.approve()).toBe(3);

    // Approved: it waits for a day, is still there, and goes with the pass after that.
    await history.nextPass();
    const expected = (name: (typeof names)[number], times = made.get(name) ?? []): number[] =>
      keptByCalendar(times, policy, history.clock.now());
    for (const name of names) {
      expect(await history.times(name)).toEqual(made.get(name));
      const leaving = new Set(await history.waiting(name));
      expect((made.get(name) ?? []).filter((time) => !leaving.has(time))).toEqual(expected(name));
    }
    const leavingNames: string[] = [];
    for (const name of names) {
      const leaving = new Set(await history.waiting(name));
      const inOrder = await history.times(name);
      leavingNames.push(...(await history.names(name)).filter((_, n) => leaving.has(inOrder[n] ?? 0)));
    }
    const freed = await history.repository.measureFreed(leavingNames);
    expect(freed.bound).toBe('exact');
    expect(freed.objects).toBeGreaterThan(1_000);
    await history.nextPass();
    const left = await history.repository.measureFreed(await history.names());
    // Contents that several mailboxes share are counted once, and only when the last of them lets go.
    expect([left.objects + freed.objects, left.bytes + freed.bytes]).toEqual([all.objects, all.bytes]);
    for (const name of names) {
      const waiting = new Set(await history.waiting(name));
      const staying = (await history.times(name)).filter((time) => !waiting.has(time));
      expect(staying).toEqual(expected(name));
      await expectWhole(name, models[name]);
    }
    expect(await findings()).toEqual([]);

    // A smaller policy: what goes waits; a larger one before its time is over brings it back.
    const before = await history.times('busy');
    policy = await history.policy({ ...gfs, monthly: 6, weekly: 2 });
    await history.nextPass();
    const waiting = await history.waiting('busy');
    expect(waiting.length).toBeGreaterThan(3);
    policy = await history.policy(gfs);
    expect((await history.nextPass()).recalled).toBeGreaterThanOrEqual(waiting.length - 2);
    policy = await history.policy({ keepLast: 1, monthly: 4, timeZone: 'Europe/Berlin' });
    await history.settings({ guard: { percent: 100 } });
    await history.nextPass();
    await history.nextPass();
    const last = new Set(await history.waiting('busy'));
    const staying = (await history.times('busy')).filter((time) => !last.has(time));
    expect(staying).toEqual(keptByCalendar(before, policy, history.clock.now()));
    for (const name of names) await expectWhole(name, models[name]);
    expect(await findings()).toEqual([]);
  });
});

describe('day by day', () => {
  test('what is left after weeks of passes is what one pass at the end would leave', async () => {
    const policy = await history.policy({ keepLast: 2, daily: 5, weekly: 3, timeZone: 'America/New_York' });
    await history.settings({ waitDays: 0 });
    const changes = (day: number) => day % 5 !== 3;
    const made: number[] = [];
    for (let day = 0; day < 50; day += 1) {
      const fromMs = nowMs + day * dayMs - 3_600_000;
      made.push(...(await history.grow('busy', { fromMs, days: 1, changes: () => changes(day) })).keys());
      await history.nextPass();
      expect(await history.times('busy')).toEqual(keptByCalendar(made, policy, history.clock.now()));
    }
    expect(made.length).toBe(40);
  });
});

describe('an item age alone', () => {
  test('nothing that old is in the newest point, and no point is left that holds nothing else', async () => {
    const itemAge = { months: 6, by: 'received' } as const;
    const cutOffMs = (ms: number): number => itemCutOff(itemAge, ms, 'UTC');
    const year = { fromMs: nowMs - 365 * dayMs - 3_600_000, days: 366 };
    const busy = await history.grow('busy', { ...year, changes: (day) => day % 3 !== 1, cutOffMs });
    const left = await history.grow('left', { ...year, changes: (day) => day < 30, cutOffMs });
    await history.policy({ itemAge });
    await history.settings({ guard: { percent: 100 } });
    await history.nextPass();
    await history.nextPass();
    const cut = cutOffMs(history.clock.now());
    const times = await history.times('busy');
    expect(times).toEqual([...busy.keys()].filter((time) => time >= cut));
    expect(times.length).toBeGreaterThan(100);
    // Nothing changed since: what its owner left is its newest state, however old.
    expect(await history.times('left')).toEqual([Math.max(...left.keys())]);
    await expectWhole('busy', busy);
    const newest = Math.max(...times);
    for (const key of await history.itemsAt('busy', newest)) {
      const nightMs = Number(key.split('-')[1]);
      expect(nightMs).toBeGreaterThanOrEqual(cutOffMs(newest));
    }
    expect(await findings()).toEqual([]);
  });
});
