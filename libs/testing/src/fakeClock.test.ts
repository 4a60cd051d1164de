import { describe, expect, test } from '@jest/globals';
import { fakeClock } from './fakeClock.ts';
import { seededRandom } from './seededRandom.ts';

describe('fake clock', () => {
  test('sleepers wake in order of their time, and one that sleeps again is served in the same move', async () => {
    const clock = fakeClock();
    const seen: string[] = [];
    const start = clock.now();
    const note = (name: string) => seen.push(`${name}@${clock.now() - start}`);
    void clock.sleep(300).then(() => note('late'));
    void (async () => {
      await clock.sleep(100);
      note('first');
      await clock.sleep(100);
      note('again');
    })();
    await clock.advance(250);
    expect(seen).toEqual(['first@100', 'again@200']);
    expect(clock.sleeping).toBe(1);
    await clock.advance(50);
    expect(seen).toEqual(['first@100', 'again@200', 'late@300']);
  });

  test('an aborted sleeper wakes without the clock moving', async () => {
    const clock = fakeClock();
    const controller = new AbortController();
    const sleep = clock.sleep(1000, controller.signal);
    controller.abort();
    await sleep;
    expect(clock.sleeping).toBe(0);
    expect(clock.iso()).toBe('2026-01-01T00:00:00.000Z');
  });
});

test('seeded random repeats for a seed and differs between seeds', () => {
  const take = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 5 }, () => random.next());
  };
  expect(take(1)).toEqual(take(1));
  expect(take(1)).not.toEqual(take(2));
});
