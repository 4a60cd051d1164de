import {
  HoldfastError,
  type Mailbox,
  mailboxIdentityOf,
  type RepositoryRecord,
  type RestorePointRecord,
} from '@holdfast/contracts';
import {
  heldBecause,
  type OwnedPoint,
  planDeletion,
  planMailbox,
  type RetentionDecision,
} from '@holdfast/scheduling';
import type { Guards, NamedPoint } from '../ports.ts';
import { type CarriedOut, type CarryOutPorts, carryOut, expiredEvent, settle } from './carryOut.ts';
import { approvedPoints, noteGuards } from './guards.ts';
import { gatherFacts } from './pointFacts.ts';

type Decision = RetentionDecision<OwnedPoint>;

export interface ExpirePorts extends CarryOutPorts {
  guards: Guards;
  /** Told of each plan that changes something, before it is carried out. */
  onPlan: (mailbox: Mailbox, decisions: readonly Decision[]) => void;
}

export interface Expired extends CarriedOut {
  /** Records whose restore point was gone already. */
  forgotten: number;
}

/**
 * Applies the policies of its jobs to one mailbox in one repository: see `carryOut` for the order and what a crash
 * leaves. What the guard stopped is written down and left alone.
 *
 * @throws HoldfastError when the repository or the control data cannot be reached; nothing is half done then
 */
export async function expireMailbox(
  ports: ExpirePorts,
  repository: RepositoryRecord,
  mailboxId: string,
): Promise<Expired> {
  const nothing: Expired = { condemned: 0, recalled: 0, expired: 0, forgotten: 0 };
  const mailbox = await ports.records.mailbox(mailboxId);
  const organization = mailbox && (await ports.records.organization(mailbox.organizationId));
  // Without its identity in the directory a mailbox cannot be found in the repository: its points stay.
  if (mailbox === undefined || organization === undefined) return nothing;
  const identity = mailboxIdentityOf(organization.tenantId, mailbox.userId);
  // The records first: one whose point is missing from the later listing is stale, not just new.
  const records = await ports.records.pointRecords(repository.id, mailboxId);
  const named = await ports.points.points(identity);
  if (named.length === 0) {
    if (records.length > 0) throw listsNothing(repository, mailbox);
    return nothing;
  }
  const forgotten = await forgetStale(ports, records, named);
  const facts = await gatherFacts(ports, repository, mailbox, named, records);
  const nowMs = ports.now();
  const decisions = planMailbox({
    ...{ mailboxId, points: facts.points, policies: facts.policies, nowMs },
    heldBecause: heldBecause(facts, repository.id),
  });
  checkPlan(mailbox, decisions);
  const steps = planDeletion({
    ...{ decisions, inUse: facts.inUse, nowMs, settings: await ports.records.settings() },
    condemned: condemnedIn(facts.records),
    approved: await approvedPoints(ports.guards, repository.id, mailboxId, facts.policies.keys()),
  });
  await noteGuards(ports.guards, repository, mailbox, facts.policies.keys(), steps.guarded, nowMs);
  const { checkpoints, condemn, recall, remove } = steps;
  if ([checkpoints, condemn, recall, remove].some(({ length }) => length > 0))
    ports.onPlan(mailbox, decisions);
  const done = await carryOut(ports, { repositoryId: repository.id, mailboxId }, facts, steps);
  return { ...done, forgotten };
}

function condemnedIn(records: ReadonlyMap<string, RestorePointRecord>) {
  const condemned = new Map<string, NonNullable<RestorePointRecord['condemned']>>();
  for (const [pointId, record] of records) {
    if (record.condemned !== undefined) condemned.set(pointId, record.condemned);
  }
  return condemned;
}

/** Records whose point is not in the repository: left by a crash, or removed there by hand. */
async function forgetStale(
  ports: ExpirePorts,
  records: readonly RestorePointRecord[],
  named: readonly NamedPoint[],
): Promise<number> {
  const present = new Set(named.map((point) => point.pointId));
  const stale = records.filter((record) => !present.has(record.pointId));
  const gone = stale.map((record) => {
    const { condemned, id } = record;
    const reason = condemned?.removing === true ? condemned.reason : 'not in the repository any more';
    return { id, event: expiredEvent(record, reason, ports.now()) };
  });
  await settle(ports, gone);
  return stale.length;
}

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
