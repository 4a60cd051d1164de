import { pointIdOf } from '@holdfast/contracts';
import { type RetentionDecision, selectKeepLast } from '@holdfast/scheduling';
import type { NamedPoint } from '../ports.ts';

/** A restore point with the job whose policy it is under. */
export interface OwnedPoint extends NamedPoint {
  jobId: string;
  runId: string;
}

export interface PlanInput {
  mailboxId: string;
  points: readonly OwnedPoint[];
  /** Complete points to keep, by job; points of a job without a policy (it was deleted) stay. */
  keepLast: ReadonlyMap<string, number>;
  /** Why a point must not go now, by its name. */
  inUse: ReadonlyMap<string, string>;
}

export type Decision = RetentionDecision<OwnedPoint>;

/** What becomes of each restore point of a mailbox in one repository, newest first, with the reason. */
export function planRetention(input: PlanInput): Decision[] {
  const options = { heldBecause: (point: OwnedPoint) => input.inUse.get(point.name) };
  const fulls = input.points.filter((point) => point.kind === 'full');
  const decisions = planCheckpoints(input, fulls, options);
  for (const [jobId, points] of Map.groupBy(fulls, (point) => point.jobId)) {
    const keepLast = input.keepLast.get(jobId);
    if (keepLast !== undefined) decisions.push(...selectKeepLast(points, keepLast, options));
    else
      decisions.push(
        ...points.map((point) => ({
          point,
          keep: true,
          reason: 'its job was deleted, so no policy applies',
        })),
      );
  }
  return decisions.sort((a, b) => b.point.timeMs - a.point.timeMs || (a.point.name < b.point.name ? 1 : -1));
}

/**
 * A checkpoint goes when any complete point of the mailbox is as new as it is. Its time is that at which it was
 * written, while a complete point has the time at which its run began: of one run, the checkpoint counts as no newer.
 */
function planCheckpoints(
  { mailboxId, points }: PlanInput,
  fulls: readonly OwnedPoint[],
  options: { heldBecause: (point: OwnedPoint) => string | undefined },
): Decision[] {
  const fullById = new Map(fulls.map((full) => [full.pointId, full]));
  const original = new Map<string, OwnedPoint>();
  const aligned = points
    .filter((point) => point.kind === 'checkpoint')
    .map((point) => {
      original.set(point.name, point);
      const ownFull = fullById.get(pointIdOf(point.runId, mailboxId));
      return { ...point, timeMs: Math.min(point.timeMs, ownFull?.timeMs ?? point.timeMs) };
    });
  return selectKeepLast([...aligned, ...fulls], 1, options)
    .filter(({ point }) => point.kind === 'checkpoint')
    .map((decision) => ({ ...decision, point: original.get(decision.point.name) ?? decision.point }));
}

/** The plan as lines for people: what stays, what goes, and why. */
export function printPlan(mailboxAddress: string, decisions: readonly Decision[]): string {
  const lines = decisions.map(({ point, keep, reason, validUntilMs }) => {
    const until = validUntilMs === undefined ? '' : `, valid until ${iso(validUntilMs)}`;
    return `  ${keep ? 'keep' : 'drop'} ${iso(point.timeMs)} ${point.kind} ${point.pointId}: ${reason}${until}`;
  });
  const drops = decisions.filter(({ keep }) => !keep).length;
  return [`${mailboxAddress}: ${decisions.length - drops} kept, ${drops} dropped`, ...lines].join('\n');
}

const iso = (ms: number): string => new Date(ms).toISOString();
