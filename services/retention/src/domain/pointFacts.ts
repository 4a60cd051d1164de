import type { Hold, Mailbox, RepositoryRecord, RestorePointRecord } from '@holdfast/contracts';
import { type JobPolicies, type OwnedPoint, policiesOf } from '@holdfast/scheduling';
import type { NamedPoint, PointRecords, PointStore, RetentionRecords } from '../ports.ts';

export interface FactsPorts {
  records: RetentionRecords;
  pointRecords: PointRecords;
  points: Pick<PointStore, 'origin'>;
}

/** All that a plan for one mailbox in one repository depends on. */
export interface PointFacts {
  points: OwnedPoint[];
  /** Records of the complete points, by point id. */
  records: Map<string, RestorePointRecord>;
  policies: Map<string, JobPolicies>;
  /** Restore sessions by the name of the point they read. */
  inUse: Map<string, string>;
  holds: Hold[];
}

export const recordIdOf = (repositoryId: string, point: Pick<NamedPoint, 'pointId'>): string =>
  `${repositoryId}.${point.pointId}`;

/**
 * Gathers the facts. A complete point that the control data does not know (it was lost, or the repository was attached)
 * gets its record from what it says of itself.
 */
export async function gatherFacts(
  ports: FactsPorts,
  repository: RepositoryRecord,
  mailbox: Mailbox,
  named: readonly NamedPoint[],
  known: readonly RestorePointRecord[],
): Promise<PointFacts> {
  const records = new Map(known.map((record) => [record.pointId, record]));
  const points: OwnedPoint[] = [];
  for (const point of named) {
    const record = records.get(point.pointId);
    if (record !== undefined) {
      const { jobId, runId, scheduleId } = record;
      points.push({ ...point, jobId, runId, scheduleId });
      continue;
    }
    const origin = await ports.points.origin(point.name);
    if (origin === undefined) continue;
    const { jobId, runId } = origin;
    const scheduleId = (await ports.records.run(runId))?.scheduleId;
    points.push({ ...point, jobId, runId, scheduleId });
    if (point.kind !== 'full') continue;
    const added: RestorePointRecord = {
      ...origin,
      ...{ id: recordIdOf(repository.id, point), pointId: point.pointId, pointName: point.name },
      ...{ repositoryId: repository.id, organizationId: mailbox.organizationId, mailboxId: mailbox.id },
      ...{ kind: 'full', time: new Date(point.timeMs).toISOString() },
      ...(scheduleId === undefined ? {} : { scheduleId }),
    };
    await ports.pointRecords.add(added);
    records.set(point.pointId, added);
  }
  return {
    ...{ points, records },
    policies: await policiesFor(ports.records, points),
    inUse: await ports.records.pointsInUse(repository.id),
    holds: await ports.records.holds(mailbox.id),
  };
}

async function policiesFor(
  records: RetentionRecords,
  points: readonly OwnedPoint[],
): Promise<Map<string, JobPolicies>> {
  const policies = new Map<string, JobPolicies>();
  for (const jobId of new Set(points.map((point) => point.jobId))) {
    const job = await records.job(jobId);
    if (job !== undefined) policies.set(jobId, policiesOf(job));
  }
  return policies;
}
