import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type KeepRules, type RetentionPoint, selectPoints } from './selectPoints.ts';
import { keptByCalendar } from './testing/keptByCalendar.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const firstMs = Date.UTC(2023, 9, 1);
// Zones whose midnights all come exactly once: there luxon and we must agree to the millisecond.
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Kiritimati',
];

/** Points at any hour of some three years, gaps of weeks among them, and a moment at or after the newest. */
const histories = fc
  .record({
    hours: fc.uniqueArray(fc.integer({ min: 0, max: 3 * 365 * 24 }), { minLength: 1, maxLength: 60 }),
    laterHours: fc.integer({ min: 0, max: 400 * 24 }),
  })
  .map(({ hours, laterHours }) => {
    const points = hours.map((hour) => pointAt(firstMs + hour * hourMs));
    return { points, nowMs: firstMs + (Math.max(...hours) + laterHours) * hourMs };
  });
const count = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined, freq: 2 });
const policies = fc
  .record({
    keepLast: count(8),
    daily: count(40),
    weekly: count(20),
    monthly: count(15),
    yearly: count(4),
    keepAllDays: count(30),
    timeZone: fc.constantFrom(...zones),
    weekStartsOn: fc.integer({ min: 1, max: 7 }),
  })
  .map(withoutAbsent);

function pointAt(timeMs: number): RetentionPoint {
  return { pointId: String(timeMs), kind: 'full', timeMs };
}

function withoutAbsent<T extends object>(policy: T): KeepRules {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

const keptOf = (points: readonly RetentionPoint[], policy: KeepRules, nowMs: number): RetentionPoint[] =>
  selectPoints(points, policy, { nowMs })
    .filter(({ keep }) => keep)
    .map(({ point }) => point);
const ids = (points: readonly RetentionPoint[]): string[] => points.map(({ pointId }) => pointId).sort();

const expected = (points: readonly RetentionPoint[], policy: KeepRules, nowMs: number): string[] =>
  keptByCalendar(
    points.map(({ timeMs }) => timeMs),
    policy,
    nowMs,
  )
    .map(String)
    .sort();

describe('for any history and policy', () => {
  test('what stays is what an independent calendar says', () => {
    fc.assert(
      fc.property(histories, policies, ({ points, nowMs }, policy) => {
        expect(ids(keptOf(points, policy, nowMs))).toEqual(expected(points, policy, nowMs));
      }),
      { numRuns: 300 },
    );
  });

  test('the newest complete point stays, and each point is decided once with a reason', () => {
    fc.assert(
      fc.property(histories, policies, ({ points, nowMs }, policy) => {
        const decisions = selectPoints(points, policy, { nowMs });
        expect(ids(decisions.map(({ point }) => point))).toEqual(ids(points));
        expect(decisions[0]).toMatchObject({ keep: true });
        for (const { reason, keep, keptBy, validUntilMs } of decisions) {
          expect(reason).not.toBe('');
          expect(keep).toBe(keptBy.length > 0 || validUntilMs === undefined);
        }
      }),
    );
  });

  test('a larger policy keeps all that a smaller one keeps', () => {
    const growth = fc.record({
      keepLast: fc.nat(5),
      daily: fc.nat(20),
      weekly: fc.nat(10),
      monthly: fc.nat(10),
      yearly: fc.nat(3),
      keepAllDays: fc.nat(30),
    });
    fc.assert(
      fc.property(histories, policies, growth, ({ points, nowMs }, policy, more) => {
        const larger: KeepRules = { ...policy };
        for (const [rule, by] of Object.entries(more) as [keyof typeof more, number][]) {
          if (by > 0) larger[rule] = (policy[rule] ?? 0) + by;
        }
        const kept = new Set(ids(keptOf(points, larger, nowMs)));
        for (const id of ids(keptOf(points, policy, nowMs))) expect(kept).toContain(id);
      }),
    );
  });

  test('applying it twice deletes nothing more', () => {
    fc.assert(
      fc.property(histories, policies, ({ points, nowMs }, policy) => {
        const left = keptOf(points, policy, nowMs);
        expect(ids(keptOf(left, policy, nowMs))).toEqual(ids(left));
      }),
    );
  });

  test('asking day by day leaves what asking once at the end leaves', () => {
    fc.assert(
      fc.property(
        histories,
        policies,
        fc.integer({ min: 1, max: 9 }),
        ({ points, nowMs }, policy, everyDays) => {
          const oldestFirst = [...points].sort((a, b) => a.timeMs - b.timeMs);
          let left: RetentionPoint[] = [];
          let next = 0;
          for (let ms = firstMs; ; ms = Math.min(nowMs, ms + everyDays * dayMs)) {
            for (; (oldestFirst[next]?.timeMs ?? Infinity) <= ms; next += 1)
              left.push(oldestFirst[next] as RetentionPoint);
            left = keptOf(left, policy, ms);
            if (ms === nowMs) break;
          }
          expect(ids(left)).toEqual(ids(keptOf(points, policy, nowMs)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a point goes on the day that its plan names, and not before', () => {
    fc.assert(
      fc.property(histories, policies, ({ points, nowMs }, policy) => {
        for (const { point, goesAtMs } of selectPoints(points, policy, { nowMs })) {
          if (goesAtMs === undefined) continue;
          expect(goesAtMs).toBeGreaterThan(nowMs);
          const keptAt = (ms: number) => ids(keptOf(points, policy, ms)).includes(point.pointId);
          expect([keptAt(goesAtMs - 1), keptAt(goesAtMs)]).toEqual([true, false]);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('the order of the listing does not matter, and what is held never goes', () => {
    fc.assert(
      fc.property(histories, policies, ({ points, nowMs }, policy) => {
        expect(selectPoints([...points].reverse(), policy, { nowMs })).toEqual(
          selectPoints(points, policy, { nowMs }),
        );
        const held = selectPoints(points, policy, { nowMs, heldBecause: () => 'held' });
        expect(held.every(({ keep }) => keep)).toBe(true);
      }),
    );
  });
});
