import { describe, expect, test } from '@jest/globals';
import { createProgressMeter, progressLine } from './progressMeter.ts';

const counters = (...pairs: [string, number, number][]) =>
  pairs.map(([id, done, bytes]) => ({ id, done, bytes }));

describe('the progress meter', () => {
  test('tells pace and time left from two looks', () => {
    const meter = createProgressMeter();
    meter.add({ at: 0, share: 0, counters: counters(['a', 0, 0]) });
    const reading = meter.add({ at: 10_000, share: 0.25, counters: counters(['a', 50, 10_240]) });
    expect(reading).toMatchObject({ items: 50, itemsPerSecond: 5, bytesPerSecond: 1024 });
    expect(reading.etaSeconds).toBeCloseTo(30);
    expect(progressLine('run', reading)).toBe(
      'run [######------------------]  25%  50 items, 5.0 items/s, 1.0 KiB/s, ETA 30 s',
    );
  });

  test('keeps what was counted when a thing ends, begins again, or another comes', () => {
    const meter = createProgressMeter();
    meter.add({ at: 0, share: 0, counters: counters(['a', 10, 0]) });
    meter.add({ at: 1000, share: 0, counters: counters(['b', 5, 0]) });
    meter.add({ at: 2000, share: 0, counters: counters(['b', 2, 0]) });
    expect(meter.add({ at: 3000, share: 0, counters: counters(['b', 4, 0]) }).items).toBe(17);
  });

  test('says nothing of the time left while the whole is unknown or nothing moves', () => {
    const meter = createProgressMeter();
    expect(meter.add({ at: 0, share: undefined, counters: [] }).etaSeconds).toBeUndefined();
    const still = meter.add({ at: 1000, share: 0, counters: [] });
    expect(still.etaSeconds).toBeUndefined();
    expect(progressLine('run', still)).toContain('  0%');
    expect(progressLine('run', still)).toContain('ETA --');
  });

  test('takes the pace of the last twenty seconds, not of the whole time', () => {
    const meter = createProgressMeter();
    for (let second = 0; second <= 100; second += 1) {
      const done = second <= 50 ? second * 100 : 5_000 + (second - 50);
      const reading = meter.add({ at: second * 1000, share: 0, counters: counters(['a', done, 0]) });
      if (second === 100) expect(reading.itemsPerSecond).toBeCloseTo(1, 0);
    }
  });
});
