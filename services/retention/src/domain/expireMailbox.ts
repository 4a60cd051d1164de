import {
  HoldfastError,
  type HoldfastEvent,
  type Mailbox,
  mailboxIdentityOf,
  makeEvent,
  type RepositoryRecord,
  type RestorePointRecord,
} from '@holdfast/contracts';
import type { Announce, NamedPoint, PointStore, RetentionRecords } from '../ports.ts';
import { type Decision, type OwnedPoint, planRetention } from './planRetention.ts';

export interface ExpirePorts {
  records: RetentionRecords;
  points: PointStore;
  announce: Announce;
  now: () => number;
  /** Told of each plan that drops something, before it is carried out. */
  onPlan: (mailbox: Mailbox, decisions: readonly Decision[]) => void;
}

export interface Expired {
  expired: number;
  /** Records whose restore point was gone already. */
  forgotten: number;
}

/**
 * Applies the policies of its jobs to one mailbox in one repository. The order makes a crash harmless: the point
 * goes from the repository, then its event is durable, then its record goes. Whatever was left is found by the next
 * pass as a record without a point.
 *
 * @throws HoldfastError when the repository or the control data cannot be reached; nothing is half done then
 */
export async function expireMailbox(
  ports: ExpirePorts,
  repository: RepositoryRecord,
  mailboxId: string,
): Promise<Expired> {
  const mailbox = await ports.records.mailbox(mailboxId);
  const organization = mailbox && (await ports.records.organization(mailbox.organizationId));
  // Without its identity in the directory a mailbox cannot be found in the repository: its points stay.
  if (mailbox === undefined || organization === undefined) return { expired: 0, forgotten: 0 };
  const identity = mailboxIdentityOf(organization.tenantId, mailbox.userId);
  // The records first: one whose point is missing from the later listing is stale, not just new.
  const records = await ports.records.pointRecords(repository.id, mailboxId);
  const named = await ports.points.points(identity);
  if (named.length === 0) {
    if (records.length > 0) throw listsNothing(repository, mailbox);
    return { expired: 0, forgotten: 0 };
  }
  const forgotten = await forgetStale(ports, records, named);
  const decisions = await plan(ports, repository, mailboxId, named, records);
  const drops = decisions.filter(({ keep }) => !keep);
  if (drops.length === 0) return { expired: 0, forgotten };
  checkPlan(mailbox, decisions);
  ports.onPlan(mailbox, decisions);
  let expired = 0;
  for (const { point, reason } of drops) {
    // Asked again for each: a restore may have been requested while others were removed.
    if ((await ports.records.pointsInUse(repository.id)).has(point.name)) continue;
    await ports.points.remove(point.name);
    // A checkpoint was never announced and has no record.
    if (point.kind === 'full') {
      const event = expiredEvent(ports, repository.id, mailbox, point, reason);
      await settle(ports, event, recordIdOf(repository.id, point));
    }
    expired += 1;
  }
  return { expired, forgotten };
}

async function plan(
  ports: ExpirePorts,
  repository: RepositoryRecord,
  mailboxId: string,
  named: readonly NamedPoint[],
  records: readonly RestorePointRecord[],
): Promise<Decision[]> {
  const byName = new Map(records.map((record) => [record.pointName, record]));
  const points: OwnedPoint[] = [];
  for (const point of named) {
    const origin = byName.get(point.name) ?? (await ports.points.origin(point.name));
    if (origin !== undefined) points.push({ ...point, jobId: origin.jobId, runId: origin.runId });
  }
  const keepLast = new Map<string, number>();
  for (const jobId of new Set(points.map((point) => point.jobId))) {
    const job = await ports.records.job(jobId);
    if (job?.retention.keepLast !== undefined) keepLast.set(jobId, job.retention.keepLast);
  }
  const inUse = new Map<string, string>();
  for (const [name, sessionId] of await ports.records.pointsInUse(repository.id)) {
    inUse.set(name, `in use by restore session ${sessionId}`);
  }
  return planRetention({ mailboxId, points, keepLast, inUse });
}

/** Records whose point is not in the repository: left by a crash, or removed there by hand. */
async function forgetStale(
  ports: ExpirePorts,
  records: readonly RestorePointRecord[],
  named: readonly NamedPoint[],
): Promise<number> {
  const present = new Set(named.map((point) => point.pointId));
  const stale = records.filter((record) => !present.has(record.pointId));
  for (const record of stale) {
    const { pointId, pointName, repositoryId, organizationId, mailboxId, jobId, id } = record;
    const data = { pointId, pointName, repositoryId, organizationId, mailboxId, jobId };
    await settle(ports, eventOf(ports, id, { ...data, reason: 'not in the repository any more' }), id);
  }
  return stale.length;
}

async function settle(ports: ExpirePorts, event: HoldfastEvent, recordId: string): Promise<void> {
  await ports.announce(event);
  await ports.records.removePointRecord(recordId);
}

function expiredEvent(
  ports: ExpirePorts,
  repositoryId: string,
  mailbox: Mailbox,
  point: OwnedPoint,
  reason: string,
): HoldfastEvent {
  const { pointId, name, jobId } = point;
  const { organizationId, id: mailboxId } = mailbox;
  const data = { pointId, pointName: name, repositoryId, organizationId, mailboxId, jobId, reason };
  return eventOf(ports, recordIdOf(repositoryId, point), data);
}

type ExpiredData = HoldfastEvent<'restore-point.expired'>['data'];

const eventOf = (ports: ExpirePorts, key: string, data: ExpiredData): HoldfastEvent =>
  makeEvent('restore-point.expired', {
    source: 'retention',
    subject: data.pointId,
    key,
    time: new Date(ports.now()).toISOString(),
    data,
  });

const recordIdOf = (repositoryId: string, point: Pick<NamedPoint, 'pointId'>): string =>
  `${repositoryId}.${point.pointId}`;

/** The last line of defence of P5, whatever the rules above have come to. */
function checkPlan(mailbox: Mailbox, decisions: readonly Decision[]): void {
  const newest = decisions.find(({ point }) => point.kind === 'full');
  if (newest === undefined || newest.keep) return;
  throw new HoldfastError(
    'unsafe-plan',
    'ours',
    `a plan would drop the newest restore point of ${mailbox.address}`,
    {
      remedy:
        'Nothing was removed. This is a defect of Holdfast: please report it with the log lines around it.',
    },
  );
}

const listsNothing = (repository: RepositoryRecord, mailbox: Mailbox): HoldfastError =>
  new HoldfastError(
    'repository-lists-nothing',
    'transient',
    `the repository ${repository.name} lists no restore point of ${mailbox.address} although some are known`,
    {
      remedy: 'Check that the right folder is mounted; nothing is removed until the points are listed again.',
    },
  );
