import type { Condemned, RetentionSettings } from '@holdfast/contracts';
import type { OwnedPoint } from './planMailbox.ts';
import type { RetentionDecision } from './selectPoints.ts';

const dayMs = 24 * 60 * 60 * 1000;

export interface DeletionInput<P extends OwnedPoint> {
  /** The plan of one mailbox. */
  decisions: readonly RetentionDecision<P>[];
  /** What waits already, by point id. */
  condemned: ReadonlyMap<string, Condemned>;
  /** Points that a restore is reading, by name: they wait on. */
  inUse: ReadonlySet<string> | ReadonlyMap<string, string>;
  /** Points whose removal somebody has approved although they are many, by job. */
  approved: ReadonlyMap<string, ReadonlySet<string>>;
  settings: Pick<RetentionSettings, 'waitDays' | 'guard'>;
  nowMs: number;
}

/** Points of a job that are not touched because they are too many at once. */
export interface Guarded<P extends OwnedPoint> {
  jobId: string;
  decisions: RetentionDecision<P>[];
  /** Complete points of the job that the mailbox has now. */
  of: number;
}

/** What is to be done about a plan: each point that does not simply stay is in one of the lists. */
export interface DeletionPlan<P extends OwnedPoint> {
  /** Leave the waiting room: a policy or a hold keeps them. */
  recall: RetentionDecision<P>[];
  /** Enter the waiting room, until `removeAfterMs`. */
  condemn: RetentionDecision<P>[];
  removeAfterMs: number;
  /** Wait on. */
  waiting: RetentionDecision<P>[];
  /** Their time is over. */
  remove: RetentionDecision<P>[];
  /** Checkpoints: never the state of a mailbox, so they do not wait. */
  checkpoints: RetentionDecision<P>[];
  guarded: Guarded<P>[];
}

/**
 * From a plan to steps: what goes waits first, and what would be too much at once is not begun. The guard looks at one
 * mailbox and job; what was approved does not count against it, and what waits already is not counted again.
 */
export function planDeletion<P extends OwnedPoint>(input: DeletionInput<P>): DeletionPlan<P> {
  const plan: DeletionPlan<P> = {
    ...{ recall: [], condemn: [], waiting: [], remove: [], checkpoints: [], guarded: [] },
    removeAfterMs: input.nowMs + input.settings.waitDays * dayMs,
  };
  const fresh: RetentionDecision<P>[] = [];
  for (const decision of input.decisions) {
    const waits = input.condemned.get(decision.point.pointId);
    const usedNow = input.inUse.has(decision.point.name);
    if (decision.point.kind === 'checkpoint') {
      if (!decision.keep) plan.checkpoints.push(decision);
    } else if (waits === undefined) {
      if (!decision.keep) fresh.push(decision);
    } else if (usedNow && decision.keptBy.length === 0) plan.waiting.push(decision);
    else if (decision.keep) plan.recall.push(decision);
    else (Date.parse(waits.removeAfter) <= input.nowMs ? plan.remove : plan.waiting).push(decision);
  }
  for (const [jobId, ofJob] of Map.groupBy(fresh, ({ point }) => point.jobId)) {
    const of = countOf(input, jobId);
    const approved = input.approved.get(jobId);
    const unapproved = ofJob.filter(({ point }) => approved?.has(point.pointId) !== true);
    if (isTooMany(unapproved.length, of, input.settings.guard)) {
      plan.guarded.push({ jobId, decisions: ofJob, of });
    } else plan.condemn.push(...ofJob);
  }
  return plan;
}

const countOf = <P extends OwnedPoint>({ decisions, condemned }: DeletionInput<P>, jobId: string): number =>
  decisions.filter(
    ({ point }) => point.kind === 'full' && point.jobId === jobId && !condemned.has(point.pointId),
  ).length;

const isTooMany = (going: number, of: number, guard: RetentionSettings['guard']): boolean =>
  going > guard.points && going * 100 > of * guard.percent;
