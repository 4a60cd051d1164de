import { buildRestoreSession } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { sampleRun, totals } from '../testing/samples.ts';
import { formatBytes, formatDuration, formatTime } from './format.ts';
import { restoreSubject, runSubject } from './subjectLine.ts';

describe('the subject of a run report', () => {
  test('with gaps', () => {
    expect(runSubject(sampleRun(), 'Europe/Berlin')).toBe(
      '[Holdfast] WARNING: Nightly: 98 of 100 mailboxes, 2 with gaps - 2026-11-22 02:10',
    );
  });

  test('when all went well', () => {
    const tasks = { total: 1, success: 1, warning: 0, failed: 0, stopped: 0 };
    expect(runSubject(sampleRun({ outcome: 'success', tasks }), 'UTC')).toBe(
      '[Holdfast] SUCCESS: Nightly: 1 of 1 mailbox - 2026-11-22 01:10',
    );
  });

  test('with everything that can go wrong', () => {
    const tasks = { total: 2000, success: 1990, warning: 2, failed: 5, stopped: 3 };
    expect(runSubject(sampleRun({ outcome: 'stopped', tasks, totals: totals({}) }), 'UTC')).toBe(
      '[Holdfast] STOPPED: Nightly: 1,990 of 2,000 mailboxes, 5 failed, 2 with warnings, 3 stopped - 2026-11-22 01:10',
    );
  });

  test('a very long job name leaves room for the result', () => {
    const subject = runSubject(sampleRun({ jobName: '長'.repeat(120) }), 'UTC');
    expect(subject).toContain(`${'長'.repeat(79)}…: 98 of 100 mailboxes`);
  });
});

test('the subject of a restore report', () => {
  const session = buildRestoreSession({ state: 'warning', finishedAt: '2026-11-22T01:10:00.000Z' });
  session.progress = { ...session.progress, created: 12, skipped: 3, failed: 1, different: 2 };
  expect(restoreSubject(session)).toBe(
    '[Holdfast] WARNING: Restore of mbx-1@contoso.example: 12 items, 3 skipped, 2 different, 1 failed - 2026-11-22 01:10',
  );
});

describe('figures for people', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 KB'],
    [99_949, '99.9 KB'],
    [99_950, '100 KB'],
    [999_499, '999 KB'],
    [999_500, '1.0 MB'],
    [1_500_000_000, '1.5 GB'],
    [7.2e15, '7.2 PB'],
    [7.2e18, '7200 PB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [-5, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [86_400_000, '1 d'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms are %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test('times are on the clocks of the zone, midnight is 00', () => {
    expect(formatTime('2026-07-01T22:00:00Z', 'Europe/Berlin')).toBe('2026-07-02 00:00');
    expect(formatTime('2026-11-22T01:10:00Z', 'America/St_Johns')).toBe('2026-11-21 21:40');
  });
});
