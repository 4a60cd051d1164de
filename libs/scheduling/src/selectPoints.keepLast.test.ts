import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type RetentionDecision,
  type RetentionPoint,
  type SelectOptions,
  selectPoints,
} from './selectPoints.ts';

const hour = 3_600_000;
const full = (pointId: string, hours: number): RetentionPoint => ({
  pointId,
  kind: 'full',
  timeMs: hours * hour,
});
const checkpoint = (pointId: string, hours: number): RetentionPoint => ({
  pointId,
  kind: 'checkpoint',
  timeMs: hours * hour,
});
const selectKeepLast = (
  points: RetentionPoint[],
  keepLast: number,
  options: Partial<SelectOptions<RetentionPoint>> = {},
): RetentionDecision<RetentionPoint>[] =>
  selectPoints(points, { keepLast }, { nowMs: 1_000 * hour, ...options });
const kept = (points: RetentionPoint[], n: number): string[] =>
  selectKeepLast(points, n)
    .filter((decision) => decision.keep)
    .map((decision) => decision.point.pointId);

describe('keeping the newest restore points', () => {
  test('the newest n stay, in whatever order they are listed', () => {
    expect(kept([full('b', 2), full('d', 4), full('a', 1), full('c', 3)], 2)).toEqual(['d', 'c']);
  });

  test('fewer points than the policy asks for: all stay', () => {
    expect(kept([full('a', 1)], 30)).toEqual(['a']);
  });

  test('a mailbox that did not change for a year keeps its only state', () => {
    const [only] = selectKeepLast([full('old', 1)], 1);
    expect(only).toMatchObject({ keep: true, reason: 'newest complete restore point' });
    expect(only).not.toHaveProperty('validUntilMs');
  });

  test('each complete point says until when it was the state of the mailbox', () => {
    const decisions = selectKeepLast([full('a', 1), full('b', 7), full('c', 9)], 2);
    expect(decisions.map(({ point, validUntilMs }) => [point.pointId, validUntilMs])).toEqual([
      ['c', undefined],
      ['b', 9 * hour],
      ['a', 7 * hour],
    ]);
  });

  test('a checkpoint does not count and does not shorten the validity of a complete point', () => {
    const decisions = selectKeepLast([full('a', 1), checkpoint('x', 2), full('b', 3)], 2);
    expect(decisions.map(({ point, keep }) => [point.pointId, keep])).toEqual([
      ['b', true],
      ['x', false],
      ['a', true],
    ]);
    expect(decisions[2]?.validUntilMs).toBe(3 * hour);
  });

  test('a checkpoint newer than every complete point stays: its backup goes on there', () => {
    expect(kept([full('a', 1), checkpoint('x', 2), checkpoint('y', 3)], 1)).toEqual(['y', 'x', 'a']);
  });

  test('checkpoints of a first backup stay while nothing is complete', () => {
    expect(kept([checkpoint('x', 1), checkpoint('y', 2)], 1)).toEqual(['y', 'x']);
  });

  test('a checkpoint goes when its own run commits the complete point at the same time', () => {
    expect(kept([checkpoint('x', 5), full('a', 5)], 3)).toEqual(['a']);
  });

  test('a held point stays and says why', () => {
    const decisions = selectKeepLast([full('a', 1), full('b', 2)], 1, {
      heldBecause: (point) => (point.pointId === 'a' ? 'in use by restore session r-1' : undefined),
    });
    expect(decisions[1]).toMatchObject({ keep: true, reason: 'in use by restore session r-1' });
  });
});

describe('for any history of a mailbox', () => {
  const histories = fc.uniqueArray(
    fc.record({
      pointId: fc.string({ minLength: 1, maxLength: 8 }),
      kind: fc.constantFrom('full' as const, 'checkpoint' as const),
      timeMs: fc.integer({ min: 0, max: 50 }),
    }),
    { selector: (point) => point.pointId, maxLength: 30 },
  );
  const limits = fc.integer({ min: 1, max: 12 });

  test('P5: exactly the newest min(n, all) complete points stay and the newest is among them', () => {
    fc.assert(
      fc.property(histories, limits, (points, n) => {
        const decisions = selectKeepLast(points, n);
        const fulls = points.filter((point) => point.kind === 'full');
        const keptFulls = decisions.filter(({ point, keep }) => keep && point.kind === 'full');
        expect(keptFulls.length).toBe(Math.min(n, fulls.length));
        const oldestKept = Math.min(...keptFulls.map(({ point }) => point.timeMs));
        for (const { point, keep } of decisions) {
          if (point.kind === 'full' && !keep) expect(point.timeMs).toBeLessThanOrEqual(oldestKept);
        }
      }),
    );
  });

  test('every point is decided once, with a reason', () => {
    fc.assert(
      fc.property(histories, limits, (points, n) => {
        const decisions = selectKeepLast(points, n);
        expect(decisions.map(({ point }) => point.pointId).sort()).toEqual(
          points.map((p) => p.pointId).sort(),
        );
        for (const { reason } of decisions) expect(reason).not.toBe('');
      }),
    );
  });

  test('carrying out a plan and planning again drops nothing more', () => {
    fc.assert(
      fc.property(histories, limits, (points, n) => {
        const left = selectKeepLast(points, n)
          .filter(({ keep }) => keep)
          .map(({ point }) => point);
        expect(selectKeepLast(left, n).every(({ keep }) => keep)).toBe(true);
      }),
    );
  });

  test('the order of the listing does not matter', () => {
    fc.assert(
      fc.property(histories, limits, (points, n) => {
        expect(selectKeepLast([...points].reverse(), n)).toEqual(selectKeepLast(points, n));
      }),
    );
  });

  test('held points never go', () => {
    fc.assert(
      fc.property(histories, limits, (points, n) => {
        const decisions = selectKeepLast(points, n, { heldBecause: () => 'held' });
        expect(decisions.every(({ keep }) => keep)).toBe(true);
      }),
    );
  });
});
