import {
  type Gap,
  gapSchema,
  idSchema,
  progressSchema,
  type RunTask,
  runSchema,
  runStates,
  taskStates,
} from '@holdfast/contracts';
import type { Collection } from '@holdfast/store';
import { z } from 'zod';
import { afterOf, decodeCursor, encodeCursor, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { runTaskView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'runs';
const params = z.object({ runId: idSchema });

/** A gap with the mailbox it is in. */
export const runGapSchema = z.object({
  taskId: z.string(),
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  ...gapSchema.shape,
});

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/runs',
    operationId: 'listRuns',
    tag,
    summary: 'List runs, newest first',
    query: z.strictObject({
      ...pageQuery,
      state: z.enum(runStates).optional(),
      jobId: idSchema.optional(),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(runSchema) } },
    async handler({ query: { limit, after, state, jobId } }) {
      const page = await ports.collections.runs.find({
        where: { ...(state === undefined ? {} : { state }), ...(jobId === undefined ? {} : { jobId }) },
        sort: { field: 'requestedAt', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const listOfJob = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/jobs/{jobId}/runs',
    operationId: 'listRunsOfJob',
    tag,
    summary: 'List the runs of a job, newest first',
    params: z.object({ jobId: idSchema }),
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(runSchema) } },
    async handler({ params: { jobId }, query: { limit, after } }) {
      const page = await ports.collections.runs.find({
        where: { jobId },
        sort: { field: 'requestedAt', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      if (page.items.length === 0) await lookUp(ports.collections.jobs, 'job', jobId);
      return { body: listBody(page, (doc) => doc) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/runs/{runId}',
    operationId: 'getRun',
    tag,
    summary: 'Show a run',
    params,
    responses: { 200: { description: 'The run', schema: runSchema } },
    async handler({ params: { runId } }) {
      return { body: (await lookUp(ports.collections.runs, 'run', runId)).doc };
    },
  });

/** The order in which somebody looking for trouble wants to see tasks. */
const problemsFirst = ['failed', 'warning', 'stopped', 'running', 'queued', 'success'] as const;
const stateCursor = z.tuple([
  z
    .number()
    .int()
    .min(0)
    .max(problemsFirst.length - 1),
  z.string(),
]);

/** A page through the states, one after the other; the cursor is the state and the place within it. */
async function tasksByState(
  tasks: Collection<RunTask>,
  runId: string,
  options: { limit: number; after: string | undefined },
): Promise<{ items: RunTask[]; next?: string }> {
  const items: RunTask[] = [];
  let [index, place] = options.after === undefined ? [0, ''] : decodeCursor(stateCursor, options.after);
  for (;;) {
    const state = problemsFirst[index];
    if (state === undefined) return { items };
    const left = options.limit - items.length;
    if (left === 0) return { items, next: encodeCursor(index, place) };
    const page = await tasks.find({
      where: { runId, state },
      limit: left,
      ...(place === '' ? {} : { after: place }),
    });
    items.push(...page.items.map(({ doc }) => doc));
    if (page.next === undefined) [index, place] = [index + 1, ''];
    else place = page.next;
  }
}

const tasks = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/runs/{runId}/tasks',
    operationId: 'listTasks',
    tag,
    summary: 'List the mailboxes of a run in the order of processing, or those with problems first',
    params,
    query: z.strictObject({
      ...pageQuery,
      problems: z
        .literal('first')
        .optional()
        .meta({ description: 'Failed, warning and stopped ones first.' }),
      state: z.enum(taskStates).optional(),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(runTaskView) } },
    async handler({ params: { runId }, query: { limit, after, problems, state } }) {
      await lookUp(ports.collections.runs, 'run', runId);
      const { runTasks } = ports.collections;
      if (problems === 'first' && state === undefined) {
        return { body: await tasksByState(runTasks, runId, { limit, after }) };
      }
      const page = await runTasks.find({
        where: { runId, ...(state === undefined ? {} : { state }) },
        sort: { field: 'position', order: 'asc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const progress = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/runs/{runId}/progress',
    operationId: 'getRunProgress',
    tag,
    summary: 'Live counters of the mailboxes at work',
    params,
    responses: { 200: { description: 'One entry a mailbox at work', schema: pageOf(progressSchema) } },
    async handler({ params: { runId } }) {
      await lookUp(ports.collections.runs, 'run', runId);
      return { body: { items: ports.live.progress().filter((entry) => entry.owner === runId) } };
    },
  });

const gapTaskPage = 100;
const gapCursor = z.tuple([z.number().int().min(0), z.number().int().min(0)]);

/** A page of the gaps of a run, task by task; the cursor is the task's position and the gap's number in it. */
async function gapsOf(
  tasksOfRuns: Collection<RunTask>,
  runId: string,
  options: { limit: number; after: string | undefined },
) {
  const items: z.infer<typeof runGapSchema>[] = [];
  let [position, number] = options.after === undefined ? [0, 0] : decodeCursor(gapCursor, options.after);
  for (;;) {
    const page = await tasksOfRuns.find({
      where: { runId, position: { gte: position } },
      sort: { field: 'position', order: 'asc' },
      limit: gapTaskPage,
    });
    for (const { doc } of page.items) {
      const gaps: readonly Gap[] = doc.gaps ?? [];
      const start = doc.position === position ? number : 0;
      for (const [index, gap] of gaps.entries()) {
        if (index < start) continue;
        if (items.length === options.limit) return { items, next: encodeCursor(doc.position, index) };
        const { id: taskId, mailboxId, mailboxAddress } = doc;
        items.push({ taskId, mailboxId, mailboxAddress, ...gap });
      }
    }
    const last = page.items.at(-1)?.doc.position;
    if (page.next === undefined || last === undefined) return { items };
    [position, number] = [last + 1, 0];
  }
}

const gaps = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/runs/{runId}/gaps',
    operationId: 'listRunGaps',
    tag,
    summary: 'List the open gaps that the tasks of a run named (at most 100 a mailbox)',
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(runGapSchema) } },
    async handler({ params: { runId }, query: { limit, after } }) {
      await lookUp(ports.collections.runs, 'run', runId);
      return { body: await gapsOf(ports.collections.runTasks, runId, { limit, after }) };
    },
  });

export const runRoutes = (ports: ApiPorts): Route[] =>
  [list, listOfJob, get, tasks, progress, gaps].map((make) => make(ports));
