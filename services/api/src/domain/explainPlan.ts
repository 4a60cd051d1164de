import type {
  Condemned,
  Hold,
  MailboxRetentionPlan,
  PlannedPoint,
  RestorePointRecord,
  RetentionSettings,
} from '@holdfast/contracts';
import {
  heldBecause,
  type JobPolicies,
  type OwnedPoint,
  planDeletion,
  planMailbox,
  type RetentionDecision,
} from '@holdfast/scheduling';

const dayMs = 24 * 60 * 60 * 1000;

/** What is known of one mailbox in one repository under one job. */
export interface PlanFacts {
  repositoryId: string;
  mailboxId: string;
  jobId: string;
  /** Complete restore points of the job. */
  records: readonly RestorePointRecord[];
  policies: JobPolicies;
  holds: readonly Hold[];
  /** Restore sessions by the name of the point they read. */
  inUse: ReadonlyMap<string, string>;
  /** Points whose removal was approved. */
  approved: ReadonlySet<string>;
  settings: RetentionSettings;
  nowMs: number;
}

/** The names of the points that go, wait or are stopped. */
export interface ExplainedPlan {
  plan: MailboxRetentionPlan;
  leaving: string[];
}

/** What the next pass of retention would do, with the reason of every point; it is the same code that does it. */
export function explainPlan(facts: PlanFacts): ExplainedPlan {
  const { jobId, mailboxId, nowMs, repositoryId, settings } = facts;
  const byId = new Map(facts.records.map((record) => [record.pointId, record]));
  const decisions = planMailbox({
    ...{ mailboxId, nowMs, policies: new Map([[jobId, facts.policies]]) },
    points: facts.records.map(pointOf),
    heldBecause: heldBecause(facts, repositoryId),
  });
  const condemned = new Map<string, Condemned>();
  for (const { condemned: waits, pointId } of facts.records)
    if (waits !== undefined) condemned.set(pointId, waits);
  const steps = planDeletion({
    ...{ decisions, condemned, inUse: facts.inUse, settings, nowMs },
    approved: new Map([[jobId, facts.approved]]),
  });
  const actions = new Map<RetentionDecision<OwnedPoint>, PlannedPoint['action']>();
  for (const decision of steps.condemn) actions.set(decision, 'goes');
  for (const decision of [...steps.waiting, ...steps.remove]) actions.set(decision, 'waiting');
  for (const { decisions: stopped } of steps.guarded)
    for (const decision of stopped) actions.set(decision, 'stopped');
  const points = decisions.map((decision): PlannedPoint => {
    const action = actions.get(decision) ?? 'stays';
    const { held, keptBy, point, reason, validUntilMs } = decision;
    const record = byId.get(point.pointId);
    return {
      ...{ id: `${repositoryId}.${point.pointId}`, time: iso(point.timeMs), action, reason },
      itemsTotal: record?.itemsTotal ?? 0,
      keptBy: keptBy.map(({ untilMs, ...rule }) => ({
        ...rule,
        ...(untilMs === undefined ? {} : { until: iso(untilMs) }),
      })),
      ...(validUntilMs === undefined ? {} : { validUntil: iso(validUntilMs) }),
      ...(held === undefined ? {} : { held }),
      ...datesOf(decision, action, record?.condemned, facts),
    };
  });
  const count = (action: PlannedPoint['action']) => points.filter((point) => point.action === action).length;
  const mailboxAddress = facts.records[0]?.mailboxAddress ?? '';
  return {
    plan: {
      ...{ mailboxId, mailboxAddress, repositoryId, stays: count('stays'), goes: count('goes') },
      ...{ waiting: count('waiting'), stopped: count('stopped'), points },
    },
    leaving: [...actions.keys()].map(({ point }) => point.name),
  };
}

function pointOf({
  jobId,
  kind,
  pointId,
  pointName,
  runId,
  scheduleId,
  time,
}: RestorePointRecord): OwnedPoint {
  return { pointId, kind, name: pointName, timeMs: Date.parse(time), jobId, runId, scheduleId };
}

function datesOf(
  { goesAtMs }: RetentionDecision<OwnedPoint>,
  action: PlannedPoint['action'],
  condemned: Condemned | undefined,
  { nowMs, settings }: PlanFacts,
): Pick<PlannedPoint, 'goesAt' | 'removedAt'> {
  if (action === 'waiting' && condemned !== undefined) {
    return { goesAt: condemned.at, removedAt: condemned.removeAfter };
  }
  if (action === 'stopped') return {};
  const atMs = action === 'goes' ? nowMs : goesAtMs;
  return atMs === undefined ? {} : { goesAt: iso(atMs), removedAt: iso(atMs + settings.waitDays * dayMs) };
}

const iso = (ms: number): string => new Date(ms).toISOString();
