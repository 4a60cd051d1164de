import { buildJob } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createBackoff } from './backoff.ts';
import { createFireQueue } from './fireQueue.ts';
import { nextFireOf, scheduleSignature } from './jobSchedule.ts';
import { createSilence } from './silence.ts';

describe('the queue of fires', () => {
  test('behaves as a sorted list under any history of changes', () => {
    const change = fc.record({
      jobId: fc.integer({ min: 0, max: 12 }).map((n) => `job-${n}`),
      timeMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(change, fc.integer({ min: 0, max: 100 })), { maxLength: 300 }),
        (steps) => {
          const queue = createFireQueue();
          const model = new Map<string, number>();
          for (const step of steps) {
            if (typeof step === 'number') {
              const due = queue.takeDue(step, 5);
              const times = due.map((jobId) => model.get(jobId) ?? Number.NaN);
              const expected = [...model.values()].sort((a, b) => a - b).filter((time) => time <= step);
              expect(times).toEqual(expected.slice(0, 5));
              for (const jobId of due) model.delete(jobId);
            } else {
              queue.set(step.jobId, step.timeMs);
              if (step.timeMs === undefined) model.delete(step.jobId);
              else model.set(step.jobId, step.timeMs);
            }
            expect(queue.size).toBe(model.size);
            expect(queue.soonest()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
          }
        },
      ),
    );
  });

  test('10,000 jobs that all fire and are set again come out in order', () => {
    const queue = createFireQueue();
    for (let n = 0; n < 10_000; n += 1) queue.set(`job-${n}`, (n * 7919) % 10_007);
    for (let n = 0; n < 10_000; n += 1) queue.set(`job-${n}`, (n * 104_729) % 10_007);
    const seen: number[] = [];
    while (queue.size > 0) {
      const now = queue.soonest() ?? 0;
      seen.push(...queue.takeDue(now, 64).map(() => now));
    }
    expect(seen.length).toBe(10_000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});

describe('when a job fires next', () => {
  const createdAt = '2026-11-20T12:00:00.000Z';
  const daily = { id: 'daily', kind: 'daily' as const, start: '08:00', endsNextDay: false, timeZone: 'UTC' };
  const schedules = [daily];
  const next = (given: Parameters<typeof buildJob>[0]): string | undefined => {
    const time = nextFireOf(buildJob({ createdAt, schedules, ...given }));
    return time === undefined ? undefined : new Date(time).toISOString();
  };

  test('a new job fires first after it was made', () => {
    expect(next({})).toBe('2026-11-21T08:00:00.000Z');
  });

  test('a served fire is not served again', () => {
    expect(next({ lastFires: { daily: '2026-11-21T08:00:00.000Z' } })).toBe('2026-11-22T08:00:00.000Z');
  });

  test('the soonest of several schedules counts, each from where it was served', () => {
    const late = { ...daily, id: 'late', start: '20:00' };
    const lastFires = { daily: '2026-11-21T08:00:00.000Z', late: '2026-11-20T20:00:00.000Z' };
    expect(next({ schedules: [daily, late], lastFires })).toBe('2026-11-21T20:00:00.000Z');
  });

  test('a disabled job never fires, and enabling it is a change of its schedule', () => {
    expect(next({ enabled: false })).toBeUndefined();
    expect(scheduleSignature(buildJob({ schedules, enabled: false }))).not.toBe(
      scheduleSignature(buildJob({ schedules, enabled: true })),
    );
  });
});

test('silence is counted from the first look without a sign of life', () => {
  let now = 1_000;
  const silence = createSilence(() => now);
  expect(silence.note('run-1.a', false)).toBe(0);
  now = 31_000;
  expect(silence.note('run-1.a', false)).toBe(30_000);
  expect(silence.note('run-1.a', true)).toBe(0);
  now = 40_000;
  expect(silence.note('run-1.a', false)).toBe(0);
  now = 50_000;
  silence.reset('run-1.a');
  expect(silence.note('run-1.a', false)).toBe(0);
  now = 60_000;
  expect(silence.note('run-1.a', false)).toBe(10_000);
  silence.forget('run-1');
  expect(silence.note('run-1.a', false)).toBe(0);
});

test('pauses grow to their limit and end when cleared', () => {
  let now = 0;
  const backoff = createBackoff({ firstMs: 100, longestMs: 350, now: () => now });
  expect(backoff.isDue('a')).toBe(true);
  expect([backoff.failed('a'), backoff.failed('a'), backoff.failed('a'), backoff.failed('a')]).toEqual([
    100, 200, 350, 350,
  ]);
  expect(backoff.isDue('a')).toBe(false);
  expect(backoff.isDue('b')).toBe(true);
  now = 350;
  expect(backoff.isDue('a')).toBe(true);
  backoff.failed('a');
  backoff.clear('a');
  expect(backoff.isDue('a')).toBe(true);
});
