import {
  defaultRetentionSettings,
  guardIdOf,
  type Hold,
  idSchema,
  type Job,
  type MailboxRetentionPlan,
  mailboxRetentionPlanSchema,
  type RestorePointRecord,
  type RetentionSettings,
  retentionPlanInputSchema,
} from '@holdfast/contracts';
import { policiesOf } from '@holdfast/scheduling';
import { all, type Collection, type Document, type Query } from '@holdfast/store';
import { z } from 'zod';
import { explainPlan } from '../domain/explainPlan.ts';
import { decodeCursor, encodeCursor, pageOf } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'retention';
const params = z.object({ jobId: idSchema });
const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(10).meta({ description: 'Mailboxes at most.' }),
  after: z.string().max(2_000).optional().meta({ description: '`next` of the page before.' }),
  mailboxId: idSchema.optional().meta({ description: 'Only this mailbox.' }),
  bytes: z.enum(['true', 'false']).default('false').meta({
    description: 'Also count what would be freed: walks the repository, may take a minute a mailbox.',
  }),
});
const measureTimeoutMs = 5 * 60_000;
/** Questions carry so many names. */
const mostNames = 5_000;

/** Everything of a request that is the same for all mailboxes. */
interface Common {
  job: Job;
  settings: RetentionSettings;
  inUse: ReadonlyMap<string, string>;
  bytes: boolean;
}

async function collect<T extends Document>(collection: Collection<T>, where: Query['where']): Promise<T[]> {
  const list: T[] = [];
  for await (const { doc } of all(collection, where === undefined ? {} : { where })) list.push(doc);
  return list;
}

async function commonFacts(ports: ApiPorts, job: Job, bytes: boolean): Promise<Common> {
  const { restoreSessions, settings } = ports.collections;
  const sessions = await collect(restoreSessions, { state: { in: ['requested', 'running'] } });
  return {
    ...{ job, bytes },
    settings: (await settings.get('global'))?.doc.retention ?? defaultRetentionSettings,
    inUse: new Map(sessions.map(({ id, pointName }) => [pointName, id])),
  };
}

/** The mailbox after this one that the job has restore points of. */
async function nextMailbox(ports: ApiPorts, jobId: string, after: string): Promise<string | undefined> {
  const page = await ports.collections.restorePoints.find({
    where: { jobId, ...(after === '' ? {} : { mailboxId: { gt: after } }) },
    sort: { field: 'mailboxId', order: 'asc' },
    limit: 1,
  });
  return page.items[0]?.doc.mailboxId;
}

async function plansOf(ports: ApiPorts, common: Common, mailboxId: string): Promise<MailboxRetentionPlan[]> {
  const { holds, restorePoints } = ports.collections;
  const records = await collect(restorePoints, { jobId: common.job.id, mailboxId });
  const ofMailbox: Hold[] = await collect(holds, { mailboxId });
  const plans: MailboxRetentionPlan[] = [];
  for (const [repositoryId, inRepository] of Map.groupBy(records, (record) => record.repositoryId)) {
    plans.push(
      await planOf(ports, common, { mailboxId, repositoryId, records: inRepository, holds: ofMailbox }),
    );
  }
  return plans;
}

async function planOf(
  ports: ApiPorts,
  { bytes, inUse, job, settings }: Common,
  place: { mailboxId: string; repositoryId: string; records: RestorePointRecord[]; holds: Hold[] },
): Promise<MailboxRetentionPlan> {
  const { mailboxId, repositoryId } = place;
  const guard = await ports.collections.retentionGuards.get(guardIdOf(repositoryId, mailboxId, job.id));
  const { leaving, plan } = explainPlan({
    ...{ ...place, inUse, settings, jobId: job.id, policies: policiesOf(job), nowMs: ports.clock.now() },
    approved: new Set(guard?.doc.state === 'approved' ? guard.doc.pointIds : []),
  });
  if (!bytes) return plan;
  if (leaving.length > mostNames) return { ...plan, freed: { objects: 0, bytes: 0, bound: 'not-measured' } };
  const asked = { repositoryId, mailboxId, pointNames: leaving };
  const freed = await ports.ask('measureFreed', asked, { timeoutMs: measureTimeoutMs });
  return { ...plan, freed };
}

async function pageOfPlans(
  ports: ApiPorts,
  job: Job,
  asked: z.output<typeof query>,
): Promise<{ items: MailboxRetentionPlan[]; next?: string }> {
  const common = await commonFacts(ports, job, asked.bytes === 'true');
  if (asked.mailboxId !== undefined) return { items: await plansOf(ports, common, asked.mailboxId) };
  const items: MailboxRetentionPlan[] = [];
  let [last] = asked.after === undefined ? [''] : decodeCursor(z.tuple([z.string()]), asked.after);
  for (let mailboxes = 0; mailboxes < asked.limit; mailboxes += 1) {
    const mailboxId = await nextMailbox(ports, job.id, last);
    if (mailboxId === undefined) return { items };
    items.push(...(await plansOf(ports, common, mailboxId)));
    last = mailboxId;
  }
  return { items, next: encodeCursor(last) };
}

const description =
  'For each restore point whether it stays, goes, waits or is stopped by the guard, why, and when: what retention ' +
  'itself would decide now. Nothing is changed.';
const responses = { 200: { description: 'A page', schema: pageOf(mailboxRetentionPlanSchema) } };

const show = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/jobs/{jobId}/retention-plan',
    operationId: 'showRetentionPlan',
    tag,
    summary: 'What becomes of the restore points of a job, mailbox by mailbox',
    description,
    params,
    query,
    responses,
    async handler({ params: { jobId }, query: asked }) {
      const { doc } = await lookUp(ports.collections.jobs, 'job', jobId);
      return { body: await pageOfPlans(ports, doc, asked) };
    },
  });

const tryOut = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/jobs/{jobId}/retention-plan',
    operationId: 'tryRetentionPolicy',
    tag,
    summary: 'What would become of the restore points of a job under another policy, which is not saved',
    description,
    params,
    query,
    body: retentionPlanInputSchema,
    responses,
    async handler({ params: { jobId }, query: asked, body }) {
      const { doc } = await lookUp(ports.collections.jobs, 'job', jobId);
      return { body: await pageOfPlans(ports, { ...doc, retention: body.retention }, asked) };
    },
  });

export const retentionPlanRoutes = (ports: ApiPorts): Route[] => [show, tryOut].map((make) => make(ports));
