import { describe, expect, test } from '@jest/globals';
import { type DeletionInput, planDeletion } from './planDeletion.ts';
import type { OwnedPoint } from './planMailbox.ts';
import type { RetentionDecision } from './selectPoints.ts';

const nowMs = Date.parse('2026-03-20T12:00:00Z');
const dayMs = 86_400_000;
type Decision = RetentionDecision<OwnedPoint>;
const decision = (pointId: string, keep: boolean, given: Partial<Decision> = {}): Decision => ({
  point: { pointId, name: `points/${pointId}`, kind: 'full', timeMs: nowMs, jobId: 'job-1', runId: 'run-1' },
  ...{ keep, reason: 'for a test', keptBy: keep ? [{ rule: 'keepLast', as: 'one' }] : [] },
  ...given,
});
const going = (count: number): Decision[] =>
  Array.from({ length: count }, (_, n) => decision(`go${n}`, false));
const staying = (count: number): Decision[] =>
  Array.from({ length: count }, (_, n) => decision(`stay${n}`, true));
const condemnedUntil = (ms: number) => ({
  at: new Date(ms - dayMs).toISOString(),
  removeAfter: new Date(ms).toISOString(),
  reason: 'for a test',
});
const plan = (decisions: Decision[], given: Partial<DeletionInput<OwnedPoint>> = {}) => {
  const steps = planDeletion({
    ...{ decisions, condemned: new Map(), inUse: new Set<string>(), approved: new Map(), nowMs },
    settings: { waitDays: 1, guard: { percent: 50, points: 10 } },
    ...given,
  });
  const names = (list: readonly Decision[]) => list.map(({ point }) => point.pointId);
  return {
    ...{ condemn: names(steps.condemn), recall: names(steps.recall), waiting: names(steps.waiting) },
    ...{ remove: names(steps.remove), checkpoints: names(steps.checkpoints) },
    guarded: steps.guarded.map(({ jobId, decisions: ofJob, of }) => [jobId, ofJob.length, of]),
    removeAfter: new Date(steps.removeAfterMs).toISOString(),
  };
};

describe('what goes waits first', () => {
  test('for the days of the settings', () => {
    const steps = plan([decision('a', true), decision('b', false)]);
    expect(steps).toMatchObject({ condemn: ['b'], remove: [], removeAfter: '2026-03-21T12:00:00.000Z' });
  });

  test.each([
    ['a millisecond before its time', 1, { waiting: ['b'], remove: [] }],
    ['at its time', 0, { waiting: [], remove: ['b'] }],
  ])('%s', (_what, offset, expected) => {
    const condemned = new Map([['b', condemnedUntil(nowMs + offset)]]);
    expect(plan([decision('a', true), decision('b', false)], { condemned })).toMatchObject(expected);
  });

  test('what a policy or a hold keeps again comes back', () => {
    const condemned = new Map([
      ['a', condemnedUntil(nowMs)],
      ['b', condemnedUntil(nowMs)],
    ]);
    const held = decision('b', true, { keptBy: [], held: 'held: a case' });
    expect(plan([decision('a', true), held], { condemned })).toMatchObject({
      recall: ['a', 'b'],
      remove: [],
    });
  });

  test('what a restore reads waits on', () => {
    const condemned = new Map([['b', condemnedUntil(nowMs)]]);
    const used = decision('b', true, { keptBy: [], held: 'in use' });
    const inUse = new Set(['points/b']);
    expect(plan([used], { condemned, inUse })).toMatchObject({ recall: [], remove: [], waiting: ['b'] });
  });

  test('checkpoints do not wait', () => {
    const checkpoint = decision('c', false);
    checkpoint.point.kind = 'checkpoint';
    expect(plan([checkpoint])).toMatchObject({ checkpoints: ['c'], condemn: [] });
  });
});

describe('the guard', () => {
  test.each([
    ['ten of twelve are few', 10, 2, false],
    ['eleven of twenty-two are half', 11, 11, false],
    ['eleven of twenty-one are more than half', 11, 10, true],
  ])('%s', (_what, goes, stays, stops) => {
    const steps = plan([...going(goes), ...staying(stays)]);
    expect(steps.guarded).toEqual(stops ? [['job-1', goes, goes + stays]] : []);
    expect(steps.condemn).toHaveLength(stops ? 0 : goes);
  });

  test('stops one job and not the other', () => {
    const other = decision('other', false);
    other.point.jobId = 'job-2';
    expect(plan([...going(30), other])).toMatchObject({ condemn: ['other'], guarded: [['job-1', 30, 30]] });
  });

  test('lets through what was approved, and not many more', () => {
    const approved = new Map([['job-1', new Set(going(30).map(({ point }) => point.pointId))]]);
    expect(plan(going(31), { approved })).toMatchObject({ guarded: [] });
    expect(plan(going(70), { approved }).guarded).toEqual([['job-1', 70, 70]]);
  });

  test('does not count again what waits already', () => {
    const condemned = new Map(going(30).map(({ point }) => [point.pointId, condemnedUntil(nowMs + dayMs)]));
    const steps = plan([...going(33), ...staying(3)], { condemned });
    expect(steps).toMatchObject({ guarded: [], condemn: ['go30', 'go31', 'go32'] });
  });
});
