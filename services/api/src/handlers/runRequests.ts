import {
  InvalidInput,
  idSchema,
  type Run,
  type RunState,
  runSchema,
  terminalRunStates,
} from '@holdfast/contracts';
import { AlreadyExists, all, modify } from '@holdfast/store';
import { z } from 'zod';
import { idempotencyHeader, keyReused, requestedId } from '../domain/idempotency.ts';
import { requestedRun } from '../domain/requestedRun.ts';
import { Conflict } from '../errors.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';

const mostMailboxes = 10_000;
const stoppable: readonly RunState[] = ['requested', 'running'];

/** Refuses mailboxes that are not of the organization. @throws InvalidInput */
async function checkMailboxes(
  ports: ApiPorts,
  organizationId: string,
  ids: readonly string[],
): Promise<void> {
  const problems: { field: string; message: string }[] = [];
  for (const [index, id] of ids.entries()) {
    const found = await ports.collections.mailboxes.get(id);
    if (found?.doc.organizationId === organizationId) continue;
    problems.push({
      field: `mailboxIds[${index}]`,
      message: 'is no mailbox of the organization of this job',
    });
    if (problems.length === 20) break;
  }
  if (problems.length > 0) throw new InvalidInput(problems);
}

const sameChoice = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  JSON.stringify([...(a ?? [])].sort()) === JSON.stringify([...(b ?? [])].sort());

/** Writes the run, or finds the one that an earlier request with the same key made. */
async function insertOnce(ports: ApiPorts, run: Run): Promise<{ run: Run; made: boolean }> {
  try {
    await ports.collections.runs.insert(run);
    return { run, made: true };
  } catch (error) {
    const earlier = error instanceof AlreadyExists ? await ports.collections.runs.get(run.id) : undefined;
    if (earlier === undefined) throw error;
    if (!sameChoice(earlier.doc.onlyMailboxes, run.onlyMailboxes)) throw keyReused();
    return { run: earlier.doc, made: false };
  }
}

/** Also on a repeat: the first request may have ended between the store and the event. */
async function announceRequested(ports: ApiPorts, run: Run): Promise<void> {
  await announce(ports, 'run.requested', run.id, run.id, {
    runId: run.id,
    jobId: run.jobId,
    organizationId: run.organizationId,
    trigger: run.trigger,
    requestedBy: run.requestedBy,
    ...(run.retryOf === undefined ? {} : { retryOf: run.retryOf }),
  });
}

/** Ids of the mailboxes that failed in a run. @throws Conflict when it is at work, or none failed */
async function failedMailboxes(ports: ApiPorts, run: Run): Promise<string[]> {
  if (!(terminalRunStates as readonly string[]).includes(run.state)) {
    throw new Conflict(
      'run-active',
      `the run is ${run.state}`,
      'Wait for its end, or stop it, then try again.',
    );
  }
  const ids: string[] = [];
  const where = { runId: run.id, state: 'failed' };
  for await (const { doc } of all(ports.collections.runTasks, { where })) ids.push(doc.mailboxId);
  if (ids.length > 0) return ids;
  throw new Conflict(
    'nothing-failed',
    'no mailbox of this run failed',
    'Run the job again to back up all of it.',
  );
}

const retry = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/runs/{runId}/retry',
    operationId: 'retryRun',
    tag: 'runs',
    summary: 'Run the job again for the mailboxes that failed in an ended run',
    description: 'When the job is running already, the new run ends as "skipped".',
    params: z.object({ runId: idSchema }),
    headers: [idempotencyHeader],
    responses: {
      201: { description: 'Requested; the scheduler starts it', schema: runSchema },
      200: { description: 'Requested before with the same Idempotency-Key', schema: runSchema },
    },
    async handler({ params: { runId }, caller, header }) {
      const { doc: ended } = await lookUp(ports.collections.runs, 'run', runId);
      const { doc: job } = await lookUp(ports.collections.jobs, 'job', ended.jobId);
      const onlyMailboxes = await failedMailboxes(ports, ended);
      const id = requestedId('run', header('idempotency-key'), caller.tokenId, `retry ${runId}`);
      const at = new Date(ports.clock.now()).toISOString();
      const wanted = requestedRun(job, { id, by: caller.name, at, onlyMailboxes, retryOf: runId });
      const { run, made } = await insertOnce(ports, wanted);
      await announceRequested(ports, run);
      return { status: made ? 201 : 200, body: run, headers: { location: `runs/${run.id}` } };
    },
  });

const start = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/jobs/{jobId}/run',
    operationId: 'runJob',
    tag: 'runs',
    summary: 'Run a job now: the whole of it, or chosen mailboxes',
    description: 'When the job is running already, the new run ends as "skipped".',
    params: z.object({ jobId: idSchema }),
    body: z.strictObject({ mailboxIds: z.array(idSchema).min(1).max(mostMailboxes).optional() }),
    bodyOptional: true,
    bodyLimitBytes: 1024 * 1024,
    headers: [idempotencyHeader],
    responses: {
      201: { description: 'Requested; the scheduler starts it', schema: runSchema },
      200: { description: 'Requested before with the same Idempotency-Key', schema: runSchema },
    },
    async handler({ params: { jobId }, body: { mailboxIds }, caller, header }) {
      const { doc: job } = await lookUp(ports.collections.jobs, 'job', jobId);
      const id = requestedId('run', header('idempotency-key'), caller.tokenId, jobId);
      if (mailboxIds !== undefined) await checkMailboxes(ports, job.organizationId, mailboxIds);
      const at = new Date(ports.clock.now()).toISOString();
      const wanted = requestedRun(job, { id, by: caller.name, at, onlyMailboxes: mailboxIds });
      const { run, made } = await insertOnce(ports, wanted);
      await announceRequested(ports, run);
      return { status: made ? 201 : 200, body: run, headers: { location: `runs/${run.id}` } };
    },
  });

const stop = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/runs/{runId}/stop',
    operationId: 'stopRun',
    tag: 'runs',
    summary: 'Stop a run at the next checkpoints; what is stored stays usable',
    params: z.object({ runId: idSchema }),
    responses: { 202: { description: 'Stopping', schema: runSchema } },
    async handler({ params: { runId }, caller }) {
      const { runs } = ports.collections;
      const { doc } = await lookUp(runs, 'run', runId);
      const written = await modify(runs, runId, (run) =>
        stoppable.includes(run.state)
          ? { ...run, stopRequested: true, stopReason: run.stopReason ?? 'user' }
          : undefined,
      );
      if (written === undefined) {
        const state = (await runs.get(runId))?.doc.state ?? doc.state;
        throw new Conflict('run-ended', `the run is ${state}`, 'Only a run that is at work can be stopped.');
      }
      const { jobId, organizationId } = written.doc;
      const data = { runId, jobId, organizationId, requestedBy: caller.name };
      await announce(ports, 'run.stop-requested', runId, runId, data);
      return { body: written.doc };
    },
  });

export const runRequestRoutes = (ports: ApiPorts): Route[] => [start, stop, retry].map((make) => make(ports));
