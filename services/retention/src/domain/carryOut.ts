import type { Condemned, HoldfastEvent, RestorePointRecord } from '@holdfast/contracts';
import {
  type DeletionPlan,
  heldBecause,
  type OwnedPoint,
  type RetentionDecision,
} from '@holdfast/scheduling';
import type { Announce, PointRecords, PointStore, RetentionRecords } from '../ports.ts';
import { pointEvent } from './pointEvents.ts';
import { type PointFacts, recordIdOf } from './pointFacts.ts';

export interface CarryOutPorts {
  records: RetentionRecords;
  pointRecords: PointRecords;
  points: PointStore;
  announce: Announce;
  now: () => number;
}

export interface CarriedOut {
  condemned: number;
  recalled: number;
  expired: number;
}

interface Place {
  repositoryId: string;
  mailboxId: string;
}

/**
 * Carries out the steps of a plan. The order makes a crash harmless: a point enters the waiting room by its record and
 * is told of then; at its end it is marked, goes from the repository, its event is durable, and its record goes. The
 * next pass finds by the records how far this one came.
 */
export async function carryOut(
  ports: CarryOutPorts,
  place: Place,
  facts: PointFacts,
  steps: DeletionPlan<OwnedPoint>,
): Promise<CarriedOut> {
  const done: CarriedOut = { condemned: 0, recalled: 0, expired: 0 };
  for (const decision of steps.recall) {
    if (await recall(ports, facts, decision)) done.recalled += 1;
  }
  const due = [...steps.remove];
  for (const decision of steps.condemn) {
    if (await condemn(ports, place, decision, steps.removeAfterMs)) done.condemned += 1;
    if (steps.removeAfterMs <= ports.now()) due.push(decision);
  }
  for (const { point } of [...steps.waiting, ...steps.remove]) {
    // Left untold by a crash.
    const record = facts.records.get(point.pointId);
    if (record?.condemned !== undefined && record.condemned.announced !== true) await tellOf(ports, record);
  }
  for (const decision of steps.checkpoints) {
    // A checkpoint was never announced and has no record.
    if (await isWanted(ports, place, decision.point)) continue;
    await ports.points.remove(decision.point.name);
    done.expired += 1;
  }
  for (const decision of due) if (await remove(ports, place, decision)) done.expired += 1;
  return done;
}

async function recall(
  { announce, now, pointRecords }: CarryOutPorts,
  facts: PointFacts,
  { point, reason }: RetentionDecision<OwnedPoint>,
): Promise<boolean> {
  const record = facts.records.get(point.pointId);
  if (record?.condemned === undefined) return false;
  // Told of first: what is read again after a crash is still to be called back, and it is the same event.
  const at = { key: `${record.id}@${record.condemned.at}`, nowMs: now() };
  await announce(pointEvent('restore-point.recalled', record, { reason, by: 'retention' }, at));
  return (await pointRecords.change(record.id, withoutCondemned)) !== undefined;
}

function withoutCondemned({ condemned, ...record }: RestorePointRecord): RestorePointRecord | undefined {
  return condemned === undefined ? undefined : record;
}

async function condemn(
  ports: CarryOutPorts,
  place: Place,
  { point, reason }: RetentionDecision<OwnedPoint>,
  removeAfterMs: number,
): Promise<boolean> {
  const condemned: Condemned = {
    at: new Date(ports.now()).toISOString(),
    removeAfter: new Date(removeAfterMs).toISOString(),
    reason,
  };
  const written = await ports.pointRecords.change(recordIdOf(place.repositoryId, point), (record) =>
    record.condemned === undefined ? { ...record, condemned } : undefined,
  );
  if (written === undefined) return false;
  await tellOf(ports, written);
  return true;
}

async function tellOf(ports: CarryOutPorts, record: RestorePointRecord): Promise<void> {
  const { condemned } = record;
  if (condemned === undefined) return;
  const { at, reason, removeAfter } = condemned;
  const occurrence = { key: `${record.id}@${at}`, nowMs: ports.now() };
  await ports.announce(pointEvent('restore-point.condemned', record, { reason, removeAfter }, occurrence));
  await ports.pointRecords.change(record.id, (current) =>
    current.condemned?.at === at && current.condemned.announced !== true
      ? { ...current, condemned: { ...current.condemned, announced: true } }
      : undefined,
  );
}

/** Asked again right before each removal: a restore or a hold may have come since the plan. */
async function isWanted({ records }: CarryOutPorts, place: Place, point: OwnedPoint): Promise<boolean> {
  const inUse = await records.pointsInUse(place.repositoryId);
  const holds = await records.holds(place.mailboxId);
  return heldBecause({ inUse, holds }, place.repositoryId)(point) !== undefined;
}

async function remove(
  ports: CarryOutPorts,
  place: Place,
  { point, reason }: RetentionDecision<OwnedPoint>,
): Promise<boolean> {
  const id = recordIdOf(place.repositoryId, point);
  // From here on it cannot be called back; who was faster is decided by this write.
  const marked = await ports.pointRecords.change(id, (record) => {
    if (record.condemned === undefined || Date.parse(record.condemned.removeAfter) > ports.now())
      return undefined;
    return { ...record, condemned: { ...record.condemned, removing: true } };
  });
  if (marked === undefined) return false;
  if (await isWanted(ports, place, point)) {
    await ports.pointRecords.change(id, withoutMark);
    return false;
  }
  await ports.points.remove(point.name);
  await settle(ports, expiredEvent(marked, reason, ports.now()), id);
  return true;
}

function withoutMark(record: RestorePointRecord): RestorePointRecord | undefined {
  if (record.condemned?.removing === undefined) return undefined;
  const { removing: _, ...condemned } = record.condemned;
  return { ...record, condemned };
}

/** The end of a record whose point is gone: the event is durable first. */
export async function settle(
  ports: Pick<CarryOutPorts, 'announce' | 'pointRecords'>,
  event: HoldfastEvent,
  recordId: string,
): Promise<void> {
  await ports.announce(event);
  await ports.pointRecords.remove(recordId);
}

export const expiredEvent = (record: RestorePointRecord, reason: string, nowMs: number): HoldfastEvent =>
  pointEvent('restore-point.expired', record, { reason }, { key: record.id, nowMs });
