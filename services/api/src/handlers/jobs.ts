import { setImmediate } from 'node:timers/promises';
import { idSchema, type Job, jobInputSchema, newId, type Run } from '@holdfast/contracts';
import { servedAfterChange } from '@holdfast/scheduling';
import { modify } from '@holdfast/store';
import { z } from 'zod';
import { Conflict, NotFound } from '../errors.ts';
import { etagOf, requireMatch } from '../http/etag.ts';
import { afterOf, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { jobView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { checkChains, requireUnfollowed } from './checkChains.ts';
import { checkJob, jobWarningSchema } from './jobChecks.ts';
import { scopeWarnings } from './jobScope.ts';
import { exists, lookUp } from './lookUp.ts';

const tag = 'jobs';
/** A job that was just saved, with what whoever saved it should know. */
export const savedJobView = z.object({ ...jobView.shape, warnings: z.array(jobWarningSchema) });
const params = z.object({ jobId: idSchema });
const etagHeader = { ETag: 'Names this state of the job; send it as If-Match with a change.' };

/** The ETag covers what users set: the scheduler's counters move without making a change stale. */
const tagOf = (job: Job): string => etagOf(jobInputSchema.strip().parse(job));

async function viewOf(ports: ApiPorts, job: Job) {
  const sort = { field: 'number', order: 'desc' } as const;
  const begun = { jobId: job.id, number: { gte: 1 } };
  const [newest] = (await ports.collections.runs.find({ where: begun, sort, limit: 1 })).items;
  const nextFire = ports.nextFire(job, ports.clock.now()) ?? null;
  return newest === undefined ? { ...job, nextFire } : { ...job, nextFire, lastRun: lastRunOf(newest.doc) };
}

const lastRunOf = ({ id, number, state, finishedAt }: Run) => ({
  ...{ id, number, state },
  ...(finishedAt === undefined ? {} : { finishedAt }),
});

async function requireFreeName(ports: ApiPorts, name: string): Promise<void> {
  if (!(await exists(ports.collections.jobs, { name }))) return;
  throw new Conflict('name-taken', `there is a job named "${name}"`, 'Choose another name.');
}

const add = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/jobs',
    operationId: 'addJob',
    tag,
    summary: 'Add a backup job',
    body: jobInputSchema,
    responses: { 201: { description: 'Added', schema: savedJobView, headers: etagHeader } },
    async handler({ body }) {
      const warnings = await checkJob(ports, body);
      await checkChains(ports, undefined, body);
      await requireFreeName(ports, body.name);
      const createdAt = new Date(ports.clock.now()).toISOString();
      const lastFires = servedAfterChange(undefined, body, createdAt);
      const job: Job = { ...body, id: newId('job'), createdAt, lastRunNumber: 0, lastFires };
      await ports.collections.jobs.insert(job);
      const data = { jobId: job.id, organizationId: job.organizationId, change: 'added' } as const;
      await announce(ports, 'job.changed', job.id, `${job.id}/added`, data);
      warnings.push(...(await scopeWarnings(ports, job)));
      return {
        body: { ...(await viewOf(ports, job)), warnings },
        headers: { location: `jobs/${job.id}`, etag: tagOf(job) },
      };
    },
  });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/jobs',
    operationId: 'listJobs',
    tag,
    summary: 'List jobs by name, each with the time of its next fire',
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(jobView) } },
    async handler({ query: { limit, after } }) {
      const sort = { field: 'name', order: 'asc' } as const;
      const page = await ports.collections.jobs.find({ sort, limit, ...afterOf(after) });
      const items: Awaited<ReturnType<typeof viewOf>>[] = [];
      for (const [index, { doc }] of page.items.entries()) {
        // Next fires cost some 60 µs each: other requests get their turn in between.
        if (index % 50 === 49) await setImmediate();
        items.push(await viewOf(ports, doc));
      }
      return { body: page.next === undefined ? { items } : { items, next: page.next } };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/jobs/{jobId}',
    operationId: 'getJob',
    tag,
    summary: 'Show a job',
    params,
    responses: { 200: { description: 'The job', schema: jobView, headers: etagHeader } },
    async handler({ params: { jobId } }) {
      const { doc } = await lookUp(ports.collections.jobs, 'job', jobId);
      return { body: await viewOf(ports, doc), headers: { etag: tagOf(doc) } };
    },
  });

const replace = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/jobs/{jobId}',
    operationId: 'changeJob',
    tag,
    summary: 'Change a job: the whole of what can be set',
    params,
    body: jobInputSchema,
    headers: [{ name: 'If-Match', required: true, description: 'The ETag of the job as you read it.' }],
    responses: { 200: { description: 'Changed', schema: savedJobView, headers: etagHeader } },
    async handler({ params: { jobId }, body, header }) {
      const { doc: before } = await lookUp(ports.collections.jobs, 'job', jobId);
      requireMatch(header('if-match'), tagOf(before));
      const warnings = await checkJob(ports, body);
      await checkChains(ports, jobId, body);
      if (body.name !== before.name) await requireFreeName(ports, body.name);
      const written = await modify(ports.collections.jobs, jobId, (doc) => {
        // Once more on what is there at the write: this makes it compare-and-set.
        requireMatch(header('if-match'), tagOf(doc));
        const { id, createdAt, lastRunNumber } = doc;
        const lastFires = servedAfterChange(doc, body, new Date(ports.clock.now()).toISOString());
        return { ...body, id, createdAt, lastRunNumber, lastFires };
      });
      if (written === undefined) throw new NotFound('job', jobId);
      const data = { jobId, organizationId: body.organizationId, change: 'changed' } as const;
      await announce(ports, 'job.changed', jobId, `${jobId}/${written.version}`, data);
      warnings.push(...(await scopeWarnings(ports, written.doc)));
      return {
        body: { ...(await viewOf(ports, written.doc)), warnings },
        headers: { etag: tagOf(written.doc) },
      };
    },
  });

const remove = (ports: ApiPorts): Route =>
  route({
    method: 'delete',
    path: '/jobs/{jobId}',
    operationId: 'removeJob',
    tag,
    summary: 'Remove a job; refused while it runs, and while others run after it',
    description: 'Its runs and restore points stay.',
    params,
    responses: { 204: { description: 'Removed' } },
    async handler({ params: { jobId } }) {
      const { doc } = await lookUp(ports.collections.jobs, 'job', jobId);
      const active = await ports.collections.runs.find({
        where: { jobId, state: { in: ['requested', 'running', 'completing'] } },
        limit: 1,
      });
      if (active.items.length > 0) {
        throw new Conflict(
          'job-running',
          `job "${doc.name}" is running`,
          'Stop the run, then remove the job.',
        );
      }
      await requireUnfollowed(ports, doc);
      await ports.collections.jobs.delete(jobId);
      const data = { jobId, organizationId: doc.organizationId, change: 'removed' } as const;
      await announce(ports, 'job.changed', jobId, `${jobId}/removed`, data);
      return {};
    },
  });

export const jobRoutes = (ports: ApiPorts): Route[] =>
  [add, list, get, replace, remove].map((make) => make(ports));
