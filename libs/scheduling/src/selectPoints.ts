import { type CalendarRule, calendarRules, type RetentionPolicy } from '@holdfast/contracts';
import { dayAt, firstDayOf, slotName, slotOf, startOfDay } from './calendarSlots.ts';
import { ageText, itemCutOff, tooOldFrom } from './itemAge.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** What retention must know of a restore point; its name in the repository carries all of it. */
export interface RetentionPoint {
  pointId: string;
  kind: 'full' | 'checkpoint';
  /** Time that the scheduler gave the point, ms since epoch. */
  timeMs: number;
}

/** A rule that keeps a point. */
export interface KeptBy {
  rule: CalendarRule | 'keepLast' | 'keepAllDays' | 'itemAge';
  /** For people: what the point is kept as. */
  as: string;
  /** When the rule lets go of the point, ms since epoch; absent when newer points decide. */
  untilMs?: number;
}

/** What becomes of one restore point, and why. */
export interface RetentionDecision<P extends RetentionPoint> {
  point: P;
  keep: boolean;
  reason: string;
  /** The rules that want the point, all of them; empty for what goes and for checkpoints. */
  keptBy: KeptBy[];
  /** Why it must not go now, whatever the rules say. */
  held?: string;
  /**
   * Until when the point is the state of its mailbox (ms since epoch): the time of the next complete point. An
   * unchanged mailbox writes no point, so the newest complete one is valid until now: undefined. Checkpoints
   * are never the state of a mailbox and have none.
   */
  validUntilMs?: number;
  /**
   * When a kept point goes if nothing changes but the date (ms since epoch). Undefined when only newer points can make
   * it go, and for what is held.
   */
  goesAtMs?: number;
}

/** The keeping part of a policy; with none of its rules nothing but the newest point is kept. */
export type KeepRules = Pick<RetentionPolicy, CalendarRule | 'keepLast' | 'keepAllDays' | 'itemAge'> &
  Partial<Pick<RetentionPolicy, 'timeZone' | 'weekStartsOn'>>;

export interface SelectOptions<P extends RetentionPoint> {
  nowMs: number;
  /** Points that must not go now, such as those under a running restore, with the reason. */
  heldBecause?: (point: P) => string | undefined;
}

/**
 * Chooses among the restore points of one mailbox. A complete point is valid from its time until that of the next one:
 * a day, week, month or year is represented by the point that is valid at its end, also when that point is older than
 * it. The newest complete point always stays. Checkpoints are never counted; one goes as soon as a complete point is as
 * new as it is. The answer has each point once, newest first, and depends on nothing but its arguments.
 *
 * Carrying an answer out and asking again drops nothing more; asking every day and carrying it out leaves the same as
 * asking once at the end, as long as the policy is the same.
 */
export function selectPoints<P extends RetentionPoint>(
  points: readonly P[],
  policy: KeepRules,
  options: SelectOptions<P>,
): RetentionDecision<P>[] {
  const newestFirst = [...points].sort((a, b) => b.timeMs - a.timeMs || compare(b.pointId, a.pointId));
  const newestFullMs = newestFirst.find((point) => point.kind === 'full')?.timeMs;
  const judge = createJudge(policy, options.nowMs);
  let rank = 0;
  let nextFullMs: number | undefined;
  return newestFirst.map((point) => {
    if (point.kind === 'checkpoint') return released(decideCheckpoint(point, newestFullMs), options);
    rank += 1;
    const decision = judge(point, rank, nextFullMs);
    if (nextFullMs !== undefined) decision.validUntilMs = nextFullMs;
    nextFullMs = point.timeMs;
    return released(decision, options);
  });
}

type Judge = <P extends RetentionPoint>(
  point: P,
  rank: number,
  validUntilMs: number | undefined,
) => RetentionDecision<P>;

function createJudge(policy: KeepRules, nowMs: number): Judge {
  const { keepLast, keepAllDays, itemAge, timeZone = 'UTC', weekStartsOn = 1 } = policy;
  const calendar = calendarRules.flatMap((rule) => {
    const slots = policy[rule];
    return slots === undefined ? [] : [{ rule, slots }];
  });
  const today = dayAt(timeZone, nowMs);
  const cutOffMs = itemAge === undefined ? undefined : itemCutOff(itemAge, nowMs, timeZone);
  const ageAlone = calendar.length === 0 && keepLast === undefined && keepAllDays === undefined;

  function* keptByCalendar(timeMs: number, validUntilMs: number): Iterable<KeptBy> {
    if (calendar.length === 0) return;
    const [from, until] = [dayAt(timeZone, timeMs), dayAt(timeZone, validUntilMs)];
    for (const { rule, slots } of calendar) {
      // The newest slot at whose end the point was the state is the one before that in which the next point came.
      const slot = slotOf(rule, until, weekStartsOn) - 1;
      if (slotOf(rule, from, weekStartsOn) > slot) continue;
      if (slotOf(rule, today, weekStartsOn) - slot >= slots) continue;
      const untilMs = startOfDay(timeZone, firstDayOf(rule, slot + slots, weekStartsOn));
      yield { rule, as: `${rule}: ${slotName(rule, slot, weekStartsOn)}`, untilMs };
    }
  }

  function* rulesFor(timeMs: number, rank: number, validUntilMs: number): Iterable<KeptBy> {
    if (keepLast !== undefined && rank <= keepLast) {
      yield { rule: 'keepLast', as: `number ${rank} of the newest ${keepLast}` };
    }
    if (keepAllDays !== undefined && nowMs < validUntilMs + keepAllDays * dayMs) {
      const untilMs = validUntilMs + keepAllDays * dayMs;
      yield { rule: 'keepAllDays', as: `state of the last ${keepAllDays} days`, untilMs };
    }
    yield* keptByCalendar(timeMs, validUntilMs);
    if (itemAge !== undefined && ageAlone) {
      const untilMs = tooOldFrom(itemAge, timeMs, timeZone);
      yield { rule: 'itemAge', as: `holds items younger than ${ageText(itemAge)}`, untilMs };
    }
  }

  return (point, rank, validUntilMs) => {
    const { timeMs } = point;
    if (validUntilMs === undefined) {
      return { point, keep: true, reason: 'newest complete restore point', keptBy: [] };
    }
    // Whatever is in it came before it was made: a point older than the age holds nothing younger.
    if (itemAge !== undefined && cutOffMs !== undefined && timeMs < cutOffMs) {
      return { point, keep: false, reason: `holds only items older than ${ageText(itemAge)}`, keptBy: [] };
    }
    const keptBy = [...rulesFor(timeMs, rank, validUntilMs)];
    if (keptBy.length === 0) return { point, keep: false, reason: whyNot(policy), keptBy };
    const reason = keptBy.map(({ as }) => as).join(', ');
    const goesAtMs = lastOf(
      keptBy,
      itemAge === undefined ? undefined : tooOldFrom(itemAge, timeMs, timeZone),
    );
    return { point, keep: true, reason, keptBy, ...(goesAtMs === undefined ? {} : { goesAtMs }) };
  };
}

/** When the last rule has let go, or all items are too old, whichever comes first. */
function lastOf(keptBy: readonly KeptBy[], tooOldFromMs: number | undefined): number | undefined {
  let last: number | undefined = 0;
  for (const { untilMs } of keptBy) {
    last = last === undefined || untilMs === undefined ? undefined : Math.max(last, untilMs);
  }
  if (last === undefined || tooOldFromMs === undefined) return last ?? tooOldFromMs;
  return Math.min(last, tooOldFromMs);
}

function whyNot({ keepLast, keepAllDays, ...rest }: KeepRules): string {
  const reasons: string[] = [];
  if (keepLast !== undefined) reasons.push(`older than the newest ${keepLast}`);
  if (keepAllDays !== undefined) reasons.push(`no state of the last ${keepAllDays} days`);
  const units = { daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' } as const;
  const slots = calendarRules.filter((rule) => rest[rule] !== undefined).map((rule) => units[rule]);
  if (slots.length > 0) reasons.push(`not the last state of a ${slots.join(', ')} that still counts`);
  return reasons.length === 0 ? 'no rule keeps it' : reasons.join(', ');
}

function decideCheckpoint<P extends RetentionPoint>(
  point: P,
  newestFullMs: number | undefined,
): RetentionDecision<P> {
  return newestFullMs !== undefined && newestFullMs >= point.timeMs
    ? { point, keep: false, reason: 'checkpoint, replaced by a complete restore point', keptBy: [] }
    : { point, keep: true, reason: 'checkpoint of a backup that is not complete yet', keptBy: [] };
}

function released<P extends RetentionPoint>(
  decision: RetentionDecision<P>,
  options: SelectOptions<P>,
): RetentionDecision<P> {
  const held = options.heldBecause?.(decision.point);
  if (held === undefined) return decision;
  const { goesAtMs: _, reason, ...rest } = decision;
  return { ...rest, held, keep: true, reason: decision.keep ? `${reason}; ${held}` : held };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
