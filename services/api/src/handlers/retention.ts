import {
  type Hold,
  holdInputSchema,
  holdSchema,
  idSchema,
  newId,
  type RestorePointRecord,
  type RetentionGuard,
  restorePointRecordSchema,
  retentionGuardSchema,
} from '@holdfast/contracts';
import { all, modify } from '@holdfast/store';
import { z } from 'zod';
import { Conflict } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { joinedId } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';

const tag = 'retention';
const isoNow = (ports: ApiPorts): string => new Date(ports.clock.now()).toISOString();

async function place(ports: ApiPorts, hold: Omit<Hold, 'id' | 'at'>): Promise<Hold> {
  const placed: Hold = { ...hold, id: newId('hold'), at: isoNow(ports) };
  await ports.collections.holds.insert(placed);
  return placed;
}

async function tellPlaced(ports: ApiPorts, hold: Hold): Promise<void> {
  const { by, id, mailboxId, reason, restorePointId } = hold;
  const what = restorePointId === undefined ? {} : { restorePointId };
  await announce(ports, 'hold.placed', id, id, { holdId: id, mailboxId, ...what, reason, by });
}

/** Takes a point out of the waiting room; false when it is being removed. Who writes first wins. */
async function callBack(ports: ApiPorts, point: RestorePointRecord, hold: Hold): Promise<boolean> {
  const written = await modify(ports.collections.restorePoints, point.id, ({ condemned, ...record }) =>
    condemned === undefined || condemned.removing === true ? undefined : record,
  );
  if (written === undefined) {
    const now = (await ports.collections.restorePoints.get(point.id))?.doc;
    // Condemned only now, by a pass that had not seen the hold: the next one sees it.
    return now !== undefined && now.condemned?.removing !== true;
  }
  const { jobId, mailboxId, organizationId, pointId, pointName, repositoryId } = point;
  const data = { pointId, pointName, repositoryId, organizationId, mailboxId, jobId };
  const key = `${point.id}@${point.condemned?.at ?? hold.id}`;
  await announce(ports, 'restore-point.recalled', pointId, key, {
    ...data,
    reason: hold.reason,
    by: hold.by,
  });
  return true;
}

/** A hold on a point: written first, so that retention sees it; taken back when the point was faster gone. */
async function holdPoint(
  ports: ApiPorts,
  point: RestorePointRecord,
  reason: string,
  by: string,
): Promise<Hold> {
  const { id: restorePointId, mailboxAddress, mailboxId } = point;
  const hold = await place(ports, { mailboxId, mailboxAddress, restorePointId, reason, by });
  if (await callBack(ports, point, hold)) {
    await tellPlaced(ports, hold);
    return hold;
  }
  await ports.collections.holds.delete(hold.id);
  throw new Conflict(
    'point-being-removed',
    'the restore point is being removed',
    'It waited and its time is over. Choose another one: holdfast point list MAILBOX',
  );
}

const holdOnePoint = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restore-points/{pointId}/holds',
    operationId: 'holdRestorePoint',
    tag,
    summary: 'Hold a restore point: retention does not take it until the hold is released',
    description: 'A point in the waiting room comes out of it.',
    params: z.object({ pointId: joinedId }),
    body: holdInputSchema,
    responses: { 201: { description: 'Held', schema: holdSchema } },
    async handler({ params: { pointId }, body: { reason }, caller }) {
      const { doc } = await lookUp(ports.collections.restorePoints, 'restore point', pointId);
      return { body: await holdPoint(ports, doc, reason, caller.name) };
    },
  });

const recall = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restore-points/{pointId}/recall',
    operationId: 'recallRestorePoint',
    tag,
    summary: 'Call a restore point back from the waiting room; a hold keeps it from going again',
    params: z.object({ pointId: joinedId }),
    body: z.strictObject({ reason: holdInputSchema.shape.reason.optional() }),
    bodyOptional: true,
    responses: { 200: { description: 'Called back', schema: restorePointRecordSchema } },
    async handler({ params: { pointId }, body, caller }) {
      const { restorePoints } = ports.collections;
      const { doc } = await lookUp(restorePoints, 'restore point', pointId);
      if (doc.condemned === undefined) {
        const remedy =
          'To keep it whatever its policy says, hold it: holdfast point hold POINT --reason TEXT';
        throw new Conflict('not-waiting', 'the restore point is not in the waiting room', remedy);
      }
      await holdPoint(ports, doc, body?.reason ?? 'called back from the waiting room', caller.name);
      return { body: (await lookUp(restorePoints, 'restore point', pointId)).doc };
    },
  });

const holdMailbox = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/mailboxes/{mailboxId}/holds',
    operationId: 'holdMailbox',
    tag,
    summary: 'Hold all restore points of a mailbox, also those that are yet to come (legal hold)',
    description: 'What is in the waiting room comes out of it.',
    params: z.object({ mailboxId: idSchema }),
    body: holdInputSchema,
    responses: { 201: { description: 'Held', schema: holdSchema } },
    async handler({ params: { mailboxId }, body: { reason }, caller }) {
      const { mailboxes, restorePoints } = ports.collections;
      const { doc } = await lookUp(mailboxes, 'mailbox', mailboxId);
      const hold = await place(ports, { mailboxId, mailboxAddress: doc.address, reason, by: caller.name });
      for await (const { doc: point } of all(restorePoints, { where: { mailboxId } })) {
        if (point.condemned !== undefined) await callBack(ports, point, hold);
      }
      await tellPlaced(ports, hold);
      return { body: hold };
    },
  });

const listHolds = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/holds',
    operationId: 'listHolds',
    tag,
    summary: 'List the holds, newest first',
    query: z.strictObject({ ...pageQuery, mailboxId: idSchema.optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(holdSchema) } },
    async handler({ query: { limit, after, mailboxId } }) {
      const page = await ports.collections.holds.find({
        where: mailboxId === undefined ? {} : { mailboxId },
        sort: { field: 'at', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const release = (ports: ApiPorts): Route =>
  route({
    method: 'delete',
    path: '/holds/{holdId}',
    operationId: 'releaseHold',
    tag,
    summary: 'Release a hold: what it kept is under its policy again, and waits before it goes',
    params: z.object({ holdId: idSchema }),
    responses: { 204: { description: 'Released' } },
    async handler({ params: { holdId }, caller }) {
      const { doc } = await lookUp(ports.collections.holds, 'hold', holdId);
      await ports.collections.holds.delete(holdId);
      const { mailboxId, restorePointId } = doc;
      const what = restorePointId === undefined ? {} : { restorePointId };
      await announce(ports, 'hold.released', holdId, holdId, { holdId, mailboxId, ...what, by: caller.name });
      return {};
    },
  });

async function requestPass(ports: ApiPorts, by: string, repositoryId: string | undefined): Promise<void> {
  const data = { requestedBy: by, ...(repositoryId === undefined ? {} : { repositoryId }) };
  await announce(ports, 'retention.requested', repositoryId ?? 'all', newId('request'), data);
}

const run = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/retention/runs',
    operationId: 'runRetention',
    tag,
    summary: 'Have retention look at all mailboxes now, of one repository or of all',
    body: z.strictObject({ repositoryId: idSchema.optional() }),
    bodyOptional: true,
    responses: { 202: { description: 'Asked for; an event tells when a repository is done' } },
    async handler({ body, caller }) {
      const repositoryId = body?.repositoryId;
      if (repositoryId !== undefined)
        await lookUp(ports.collections.repositories, 'repository', repositoryId);
      await requestPass(ports, caller.name, repositoryId);
      return {};
    },
  });

const guardView = retentionGuardSchema.omit({ pointIds: true, announced: true });

const listGuards = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/retention/guards',
    operationId: 'listRetentionGuards',
    tag,
    summary: 'List the plans that were stopped because they take too much, newest first',
    query: z.strictObject({ ...pageQuery, jobId: idSchema.optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(guardView) } },
    async handler({ query: { limit, after, jobId } }) {
      const page = await ports.collections.retentionGuards.find({
        where: jobId === undefined ? {} : { jobId },
        sort: { field: 'since', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const approvedSchema = z.object({ mailboxes: z.number().int(), points: z.number().int() });

const approve = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/jobs/{jobId}/retention-approval',
    operationId: 'approveRetention',
    tag,
    summary: 'Approve the plans of a job that were stopped, and have them carried out',
    description: 'The approval is for the restore points that the plans name now, and not for more.',
    params: z.object({ jobId: idSchema }),
    responses: { 200: { description: 'What was approved', schema: approvedSchema } },
    async handler({ params: { jobId }, caller }) {
      const { jobs, retentionGuards } = ports.collections;
      const { doc: job } = await lookUp(jobs, 'job', jobId);
      const done = { mailboxes: 0, points: 0 };
      const ids: string[] = [];
      const repositoryIds = new Set<string>();
      for await (const { doc } of all(retentionGuards, { where: { jobId, state: 'open' } })) ids.push(doc.id);
      for (const id of ids) {
        const written = await modify(retentionGuards, id, (guard): RetentionGuard | undefined =>
          guard.state === 'open'
            ? { ...guard, state: 'approved', approvedBy: caller.name, approvedAt: isoNow(ports) }
            : undefined,
        );
        if (written === undefined) continue;
        done.mailboxes += 1;
        done.points += written.doc.points;
        repositoryIds.add(written.doc.repositoryId);
      }
      if (done.mailboxes === 0) {
        const remedy = 'See what was stopped: holdfast retention guards';
        throw new Conflict('nothing-stopped', `no plan of job "${job.name}" was stopped`, remedy);
      }
      const data = { organizationId: job.organizationId, jobId, ...done, by: caller.name };
      await announce(ports, 'retention.approved', jobId, `${jobId}/${newId('approval')}`, data);
      for (const repositoryId of repositoryIds) await requestPass(ports, caller.name, repositoryId);
      return { body: done };
    },
  });

export const retentionRoutes = (ports: ApiPorts): Route[] =>
  [holdOnePoint, recall, holdMailbox, listHolds, release, run, listGuards, approve].map((make) =>
    make(ports),
  );
