import { type Job, pointIdOf, type RetentionPolicy } from '@holdfast/contracts';
import {
  type RetentionDecision,
  type RetentionPoint,
  type SelectOptions,
  selectPoints,
} from './selectPoints.ts';

/** A restore point with the run that made it. */
export interface OwnedPoint extends RetentionPoint {
  name: string;
  jobId: string;
  runId: string;
  /** Schedule that the run was made for; undefined for runs by hand. */
  scheduleId?: string | undefined;
}

/** The policy of a job, and those of its schedules that have their own. */
export interface JobPolicies {
  job: RetentionPolicy;
  schedules: ReadonlyMap<string, RetentionPolicy>;
}

/**
 * The policies by which a job's restore points are judged. The item age is the job's for all of them: what one
 * schedule leaves out of a mailbox, another does not bring back.
 */
export function policiesOf({ retention, schedules }: Pick<Job, 'retention' | 'schedules'>): JobPolicies {
  const { itemAge } = retention;
  const own = new Map<string, RetentionPolicy>();
  for (const { id, retention: policy } of schedules) {
    if (policy !== undefined) own.set(id, { ...policy, itemAge });
  }
  return { job: retention, schedules: own };
}

export interface MailboxPlanInput<P extends OwnedPoint> extends SelectOptions<P> {
  mailboxId: string;
  points: readonly P[];
  /** By job; points of a job without an entry (it was deleted) stay. */
  policies: ReadonlyMap<string, JobPolicies>;
}

/**
 * What becomes of each restore point of a mailbox in one repository, newest first, with the reason. The points of a
 * job are one history, and those of a schedule with a policy of its own are another: each is judged by itself.
 */
export function planMailbox<P extends OwnedPoint>(input: MailboxPlanInput<P>): RetentionDecision<P>[] {
  const fulls = input.points.filter((point) => point.kind === 'full');
  const decisions = planCheckpoints(input, fulls);
  for (const { points, policy } of histories(input, fulls)) {
    if (policy !== undefined) decisions.push(...selectPoints(points, policy, input));
    else decisions.push(...points.map((point) => ({ point, keep: true, reason: jobless, keptBy: [] })));
  }
  return decisions.sort((a, b) => b.point.timeMs - a.point.timeMs || (a.point.name < b.point.name ? 1 : -1));
}

const jobless = 'its job was deleted, so no policy applies';

function* histories<P extends OwnedPoint>(
  { policies }: MailboxPlanInput<P>,
  fulls: readonly P[],
): Iterable<{ points: P[]; policy: RetentionPolicy | undefined }> {
  for (const [jobId, ofJob] of Map.groupBy(fulls, (point) => point.jobId)) {
    const known = policies.get(jobId);
    const own = (point: P): string =>
      point.scheduleId !== undefined && known?.schedules.has(point.scheduleId) === true
        ? point.scheduleId
        : '';
    for (const [scheduleId, points] of Map.groupBy(ofJob, own)) {
      yield { points, policy: known?.schedules.get(scheduleId) ?? known?.job };
    }
  }
}

/**
 * A checkpoint goes when any complete point of the mailbox is as new as it is. Its time is that at which it was
 * written, while a complete point has the time at which its run began: of one run, the checkpoint counts as no newer.
 */
function planCheckpoints<P extends OwnedPoint>(
  input: MailboxPlanInput<P>,
  fulls: readonly P[],
): RetentionDecision<P>[] {
  const fullById = new Map(fulls.map((full) => [full.pointId, full]));
  const original = new Map<string, P>();
  const aligned = input.points
    .filter((point) => point.kind === 'checkpoint')
    .map((point) => {
      original.set(point.name, point);
      const ownFull = fullById.get(pointIdOf(point.runId, input.mailboxId));
      return { ...point, timeMs: Math.min(point.timeMs, ownFull?.timeMs ?? point.timeMs) };
    });
  return selectPoints([...aligned, ...fulls], {}, input)
    .filter(({ point }) => point.kind === 'checkpoint')
    .map((decision) => ({ ...decision, point: original.get(decision.point.name) ?? decision.point }));
}
