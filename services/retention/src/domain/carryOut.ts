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

/** Records that are written at the same time: they share the store's transactions. */
const together = 50;

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
  for (let at = 0; at < steps.condemn.length; at += together) {
    done.condemned += await condemn(
      ports,
      place,
      steps.condemn.slice(at, at + together),
      steps.removeAfterMs,
    );
  }
  if (steps.removeAfterMs <= ports.now()) due.push(...steps.condemn);
  // Left untold by a crash.
  const waiting = [...steps.waiting, ...steps.remove].flatMap(
    ({ point }) => facts.records.get(point.pointId) ?? [],
  );
  await tellOf(
    ports,
    waiting.filter(({ condemned }) => condemned !== undefined && condemned.announced !== true),
  );
  for (const decision of steps.checkpoints) {
    // A checkpoint was never announced and has no record.
    if (await isWanted(ports, place, decision.point)) continue;
    await ports.points.remove(decision.point.name);
    done.expired += 1;
  }
  for (let at = 0; at < due.length; at += together) {
    done.expired += await remove(ports, place, due.slice(at, at + together));
  }
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
  decisions: readonly RetentionDecision<OwnedPoint>[],
  removeAfterMs: number,
): Promise<number> {
  const at = new Date(ports.now()).toISOString();
  const removeAfter = new Date(removeAfterMs).toISOString();
  const written = await every(decisions, ({ point, reason }) => {
    const condemned: Condemned = { at, removeAfter, reason };
    return ports.pointRecords.change(recordIdOf(place.repositoryId, point), (record) =>
      record.condemned === undefined ? { ...record, condemned } : undefined,
    );
  });
  const entered = written.filter((record) => record !== undefined);
  await tellOf(ports, entered);
  return entered.length;
}

async function tellOf(ports: CarryOutPorts, records: readonly RestorePointRecord[]): Promise<void> {
  const events = records.flatMap((record) => {
    if (record.condemned === undefined) return [];
    const { at, reason, removeAfter } = record.condemned;
    const occurrence = { key: `${record.id}@${at}`, nowMs: ports.now() };
    return [pointEvent('restore-point.condemned', record, { reason, removeAfter }, occurrence)];
  });
  if (events.length === 0) return;
  await ports.announce(...events);
  await every(records, ({ condemned, id }) =>
    ports.pointRecords.change(id, (current) =>
      current.condemned !== undefined && current.condemned.at === condemned?.at
        ? { ...current, condemned: { ...current.condemned, announced: true } }
        : undefined,
    ),
  );
}

/** Does a piece of work for each at the same time, waits for all of them, and throws the first error then. */
async function every<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results = await Promise.allSettled(all.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
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
  decisions: readonly RetentionDecision<OwnedPoint>[],
): Promise<number> {
  const gone: { event: HoldfastEvent; id: string }[] = [];
  const marked = await every(decisions, ({ point }) => mark(ports, recordIdOf(place.repositoryId, point)));
  for (const [index, { point, reason }] of decisions.entries()) {
    const record = marked[index];
    if (record === undefined) continue;
    if (await isWanted(ports, place, point)) {
      await ports.pointRecords.change(record.id, withoutMark);
      continue;
    }
    await ports.points.remove(point.name);
    gone.push({ id: record.id, event: expiredEvent(record, reason, ports.now()) });
  }
  await settle(ports, gone);
  return gone.length;
}

/** From here on it cannot be called back; who was faster is decided by this write. */
function mark(ports: CarryOutPorts, id: string): Promise<RestorePointRecord | undefined> {
  return ports.pointRecords.change(id, (record) => {
    if (record.condemned === undefined || Date.parse(record.condemned.removeAfter) > ports.now())
      return undefined;
    return { ...record, condemned: { ...record.condemned, removing: true } };
  });
}

function withoutMark(record: RestorePointRecord): RestorePointRecord | undefined {
  if (record.condemned?.removing === undefined) return undefined;
  const { removing: _, ...condemned } = record.condemned;
  return { ...record, condemned };
}

/** The end of records whose points are gone: the events are durable first. */
export async function settle(
  ports: Pick<CarryOutPorts, 'announce' | 'pointRecords'>,
  gone: readonly { event: HoldfastEvent; id: string }[],
): Promise<void> {
  if (gone.length === 0) return;
  await ports.announce(...gone.map(({ event }) => event));
  await every(gone, ({ id }) => ports.pointRecords.remove(id));
}

export const expiredEvent = (record: RestorePointRecord, reason: string, nowMs: number): HoldfastEvent =>
  pointEvent('restore-point.expired', record, { reason }, { key: record.id, nowMs });
