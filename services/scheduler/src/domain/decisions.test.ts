import type { Run } from '@holdfast/contracts';
import { buildJob, buildRun, buildRunTask } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import type { TaskCounts } from '../ports.ts';
import { decideIntake } from './decideIntake.ts';
import { decideOutcome, runCounts, unfinishedOf } from './decideOutcome.ts';
import { planResend } from './planResend.ts';

const counts = (given: Partial<TaskCounts>): TaskCounts => ({
  ...{ queued: 0, running: 0, success: 0, warning: 0, failed: 0, stopped: 0 },
  ...given,
});

describe('the outcome of a run', () => {
  const table: [Partial<TaskCounts>, number, string][] = [
    [{ success: 3 }, 0, 'success'],
    [{ success: 3 }, 1, 'warning'],
    [{ success: 2, warning: 1 }, 0, 'warning'],
    [{ success: 99, failed: 1 }, 0, 'warning'],
    [{ failed: 3 }, 0, 'failed'],
    [{ success: 2, stopped: 1 }, 0, 'stopped'],
    [{ failed: 1, stopped: 1 }, 0, 'stopped'],
    [{ warning: 1, failed: 1 }, 0, 'warning'],
  ];
  for (const [given, gaps, outcome] of table) {
    test(`${JSON.stringify(given)} with ${gaps} gaps is ${outcome}`, () => {
      expect(decideOutcome(counts(given), gaps)).toBe(outcome);
    });
  }

  test('the counts of a run sum up to its tasks, whatever their state', () => {
    const given = counts({ queued: 1, running: 2, success: 3, warning: 4, failed: 5, stopped: 6 });
    expect(runCounts(given)).toEqual({ total: 21, success: 3, warning: 4, failed: 5, stopped: 6 });
    expect(unfinishedOf(given)).toBe(3);
  });
});

describe('a requested run', () => {
  const missedAfterMs = 300_000;
  const job = buildJob();
  const at = (id: string, minute: number, more: Partial<Run> = {}): Run =>
    buildRun({ id, requestedAt: `2026-11-22T02:${String(minute).padStart(2, '0')}:00.000Z`, ...more });
  const run = at('run-b', 10);

  test('is prepared when no other run of its job is at work', () => {
    expect(decideIntake({ run, job, unfinished: [run], missedAfterMs })).toEqual({ kind: 'prepare', job });
  });

  test('that was stopped before it began ends as stopped', () => {
    expect(
      decideIntake({ run: { ...run, stopRequested: true }, job, unfinished: [], missedAfterMs }),
    ).toEqual({
      kind: 'end',
      outcome: 'stopped',
    });
  });

  test('of a deleted job fails with a remedy', () => {
    const intake = decideIntake({ run, job: undefined, unfinished: [], missedAfterMs });
    expect(intake).toMatchObject({
      outcome: 'failed',
      error: { code: 'job-gone', remedy: expect.any(String) },
    });
  });

  for (const [situation, other] of [
    ['is running', at('run-a', 20, { state: 'running', number: 7 })],
    ['is completing', at('run-a', 20, { state: 'completing', outcome: 'success' })],
    ['was requested earlier', at('run-z', 9)],
    ['was requested at the same time and has the smaller id', at('run-a', 10)],
  ] as const) {
    test(`is skipped when another run of the job ${situation}`, () => {
      expect(decideIntake({ run, job, unfinished: [run, other], missedAfterMs })).toMatchObject({
        kind: 'end',
        outcome: 'skipped',
      });
    });
  }

  for (const [situation, other] of [
    ['was requested later', at('run-a', 11)],
    ['is being skipped itself', at('run-a', 9, { state: 'completing', outcome: 'skipped' })],
  ] as const) {
    test(`is not held up by another run of the job that ${situation}`, () => {
      expect(decideIntake({ run, job, unfinished: [run, other], missedAfterMs })).toMatchObject({
        kind: 'prepare',
      });
    });
  }
});

describe('which tasks are sent again', () => {
  const queued = [0, 1, 2, 3].map((position) => buildRunTask({ mailboxId: `mbx-${position}`, position }));
  const working = buildRunTask({ mailboxId: 'mbx-9', position: 9, state: 'running', proxy: 'sync-1' });
  const times = { orphanAfterMs: 45_000, abandonedAfterMs: 180_000 };
  const positions = (facts: Omit<Parameters<typeof planResend>[0], keyof typeof times>): number[] =>
    planResend({ ...facts, ...times }).map((task) => task.position);

  test('none when the broker holds them all', () => {
    expect(positions({ held: 5, queued, running: [{ task: working, silentMs: 0 }] })).toEqual([]);
  });

  test('none when the broker holds more, as ended tasks are not acknowledged yet', () => {
    expect(positions({ held: 9, queued, running: [] })).toEqual([]);
  });

  test('after a crash while sending: the last ones, in order', () => {
    expect(positions({ held: 2, queued, running: [] })).toEqual([2, 3]);
  });

  test('all queued ones after the broker came back empty, but not the one a proxy works on', () => {
    expect(positions({ held: 0, queued, running: [{ task: working, silentMs: 0 }] })).toEqual([0, 1, 2, 3]);
  });

  test('a lost running task once its proxy has been silent for a while', () => {
    expect(positions({ held: 4, queued, running: [{ task: working, silentMs: 44_999 }] })).toEqual([3]);
    expect(positions({ held: 0, queued: [], running: [{ task: working, silentMs: 44_999 }] })).toEqual([]);
    expect(positions({ held: 0, queued: [], running: [{ task: working, silentMs: 45_000 }] })).toEqual([9]);
  });

  test('a task that nobody works on for long, even though the broker seems to hold it', () => {
    expect(positions({ held: 1, queued: [], running: [{ task: working, silentMs: 179_999 }] })).toEqual([]);
    expect(positions({ held: 1, queued: [], running: [{ task: working, silentMs: 180_000 }] })).toEqual([9]);
  });
});
