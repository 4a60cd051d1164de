import { describe, expect, test } from '@jest/globals';
import { type KnownPoint, planSync } from './planSync.ts';
import { emptyCursors } from './syncState.ts';

const day = 24 * 3600_000;
const now = 100 * day;
const point = (given: Partial<KnownPoint>): KnownPoint => ({
  name: 'points/x',
  pointId: 'p1',
  kind: 'full',
  time: now - day,
  runId: 'run-1',
  root: 'r1',
  cursors: emptyCursors(now - day),
  ...given,
});
const nothing = { own: undefined, full: undefined, checkpoint: undefined };
const plan = (given: Partial<Parameters<typeof planSync>[0]>) =>
  planSync({ ...nothing, now, reconcileAfterMs: 30 * day, ...given });

describe('where a mailbox backup starts', () => {
  test('nothing there: everything is read', () => {
    expect(plan({})).toEqual({ kind: 'initial' });
  });

  test('a complete point with cursors: only changes', () => {
    expect(plan({ full: point({}) })).toMatchObject({ kind: 'delta' });
  });

  test('no cursors that this version understands, or a month of changes: a full comparison', () => {
    expect(plan({ full: point({ cursors: undefined }) })).toMatchObject({
      kind: 'reconcile',
      why: 'no-cursors',
    });
    const old = emptyCursors(now - 30 * day);
    expect(plan({ full: point({ cursors: old }) })).toMatchObject({ kind: 'reconcile', why: 'due' });
  });

  test('the point of this run is there: only its records are missing', () => {
    expect(plan({ own: point({ pointId: 'mine' }), full: point({}) })).toMatchObject({ kind: 'finished' });
  });

  test('a checkpoint newer than the complete point is gone on from, one of its own run is not', () => {
    const checkpoint = point({ kind: 'checkpoint', pointId: 'c', runId: 'run-2', time: now });
    expect(plan({ full: point({}), checkpoint })).toMatchObject({ kind: 'resume', base: { pointId: 'c' } });
    expect(plan({ checkpoint })).toMatchObject({ kind: 'resume', parent: undefined });
    const ofTheSameRun = { ...checkpoint, runId: 'run-1' };
    expect(plan({ full: point({}), checkpoint: ofTheSameRun })).toMatchObject({ kind: 'delta' });
    const older = { ...checkpoint, time: now - 2 * day };
    expect(plan({ full: point({}), checkpoint: older })).toMatchObject({ kind: 'delta' });
    const unreadable = { ...checkpoint, cursors: undefined };
    expect(plan({ full: point({}), checkpoint: unreadable })).toMatchObject({ kind: 'delta' });
  });
});
