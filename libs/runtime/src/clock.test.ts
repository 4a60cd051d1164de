import { describe, expect, test } from '@jest/globals';
import { offsetClock, systemClock } from './clock.ts';
import { systemRandom } from './random.ts';

describe('system clock', () => {
  test('an aborted sleep resolves at once instead of rejecting', async () => {
    const controller = new AbortController();
    const sleep = systemClock.sleep(3_600_000, controller.signal);
    controller.abort();
    await expect(sleep).resolves.toBeUndefined();
    await expect(systemClock.sleep(3_600_000, controller.signal)).resolves.toBeUndefined();
  });

  test('a sleep of 60 days does not end at once, as a single timer would', async () => {
    const controller = new AbortController();
    let ended = false;
    const sleep = systemClock.sleep(60 * 86_400_000, controller.signal).then(() => {
      ended = true;
    });
    await systemClock.sleep(30);
    expect(ended).toBe(false);
    controller.abort();
    await sleep;
  });
});

test('a clock with an offset is ahead by it and sleeps as long as any other', async () => {
  const ahead = offsetClock(172_800_000);
  const difference = ahead.now() - systemClock.now();
  expect(difference).toBeGreaterThanOrEqual(172_799_000);
  expect(difference).toBeLessThanOrEqual(172_800_000);
  const controller = new AbortController();
  const sleep = ahead.sleep(3_600_000, controller.signal);
  controller.abort();
  await expect(sleep).resolves.toBeUndefined();
  expect(offsetClock(0)).toBe(systemClock);
});

test('system random stays within [0, 1)', () => {
  const values = Array.from({ length: 500 }, () => systemRandom.next());
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  expect(new Set(values).size).toBeGreaterThan(490);
  expect(systemRandom.bytes(16)).toHaveLength(16);
});
