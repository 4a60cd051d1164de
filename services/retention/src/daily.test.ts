import { type RetentionState, retentionSettingsSchema } from '@holdfast/contracts';
import { silentLogger } from '@holdfast/runtime';
import { fakeClock } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { type Daily, startDaily } from './daily.ts';

const hourMs = 3_600_000;

/** A daily task on a clock moved by hand; `served` is kept as the control data would keep it. */
function start(at: string, given: { served?: string; settings?: object; fails?: number } = {}) {
  const clock = fakeClock(at);
  let state: RetentionState | undefined =
    given.served === undefined ? undefined : { id: 'global', servedUntil: given.served };
  let settings = retentionSettingsSchema.parse(given.settings ?? {});
  let failsLeft = given.fails ?? 0;
  const done: string[] = [];
  const daily: Daily = startDaily({
    ...{ clock, logger: silentLogger, settings: async () => settings },
    state: {
      get: async () => state,
      served: async (servedUntil) => {
        state = { id: 'global', servedUntil };
      },
    },
    async work() {
      if (failsLeft > 0) {
        failsLeft -= 1;
        throw new Error('the folder is not mounted');
      }
      done.push(new Date(clock.now()).toISOString());
    },
  });
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 60_000) await clock.advance(Math.min(left, 60_000));
  };
  const change = (given: object): void => {
    settings = retentionSettingsSchema.parse(given);
  };
  return { clock, daily, done, pass, change };
}

describe('once a day', () => {
  test('at the time of the settings', async () => {
    const { daily, done, pass } = start('2026-11-22T02:00:00Z', { served: '2026-11-21T05:00:00.000Z' });
    await pass(2 * hourMs + 3_599_000);
    expect(done).toEqual([]);
    await pass(48 * hourMs);
    expect(done).toEqual(['2026-11-22T05:00:00.000Z', '2026-11-23T05:00:00.000Z']);
    await daily.stop();
  });

  test('what passed while nobody was there is caught up once, a minute after the start', async () => {
    const { daily, done, pass } = start('2026-11-22T06:00:00Z', { served: '2026-11-10T05:00:00.000Z' });
    await pass(2 * hourMs);
    expect(done).toEqual(['2026-11-22T06:01:00.000Z']);
    await daily.stop();
  });

  test('what is served already is not done again by another process', async () => {
    const { daily, done, pass } = start('2026-11-22T06:00:00Z', { served: '2026-11-22T05:00:00.000Z' });
    await pass(20 * hourMs);
    expect(done).toEqual([]);
    await daily.stop();
  });

  test('another time is noticed within minutes', async () => {
    const { change, daily, done, pass } = start('2026-11-22T06:00:00Z', {
      served: '2026-11-22T05:00:00.000Z',
    });
    await pass(hourMs);
    change({ time: '10:00', timeZone: 'Europe/Berlin' });
    await pass(4 * hourMs);
    expect(done).toEqual(['2026-11-22T09:00:00.000Z']);
    await daily.stop();
  });

  test('what fails is tried again after ten minutes, and the lag tells', async () => {
    const { daily, done, pass } = start('2026-11-22T06:00:00Z', { fails: 2 });
    await pass(10 * 60_000);
    expect(done).toEqual([]);
    expect(daily.lagSeconds()).toBeGreaterThan(0);
    await pass(15 * 60_000);
    expect(done).toEqual(['2026-11-22T06:21:00.000Z']);
    expect(daily.lagSeconds()).toBe(0);
    await daily.stop();
  });
});
