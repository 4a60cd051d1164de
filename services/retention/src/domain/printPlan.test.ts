import { expect, test } from '@jest/globals';
import { printPlan } from './printPlan.ts';

test('a plan reads as lines that say what stays, what goes and why', () => {
  const hour = 3_600_000;
  const point = (hours: number) => ({
    ...{ name: `points/${hours}`, pointId: `p${hours}`, kind: 'full' as const, timeMs: hours * hour },
    ...{ jobId: 'job-1', runId: 'run-1' },
  });
  const decisions = [
    { point: point(2), keep: true, reason: 'newest complete restore point', keptBy: [] },
    { point: point(1), keep: false, reason: 'older than the newest 1', keptBy: [], validUntilMs: 2 * hour },
  ];
  expect(printPlan('ann@contoso.example', decisions)).toBe(
    [
      'ann@contoso.example: 1 kept, 1 dropped',
      '  keep 1970-01-01T02:00:00.000Z full p2: newest complete restore point',
      '  drop 1970-01-01T01:00:00.000Z full p1: older than the newest 1, valid until 1970-01-01T02:00:00.000Z',
    ].join('\n'),
  );
});
