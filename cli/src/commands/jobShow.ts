import type { Job, Run } from '@holdfast/contracts';
import { stringify as stringifyYaml } from 'yaml';
import { type Client, step } from '../client.ts';
import type { Context } from '../context.ts';
import { ApiRefused } from '../errors.ts';
import { resolveNamed } from '../resolve.ts';
import { timeText } from '../units.ts';
import { reportFacts } from './jobReports.ts';
import { schedulesText, scheduleText } from './jobSchedule.ts';
import { scopeFacts } from './jobScope.ts';
import { policyText } from './retentionPolicy.ts';

export type ShownJob = Job & {
  nextFire: string | null;
  lastRun?: Pick<Run, 'id' | 'number' | 'state' | 'finishedAt'>;
};

/** What a user sets of a job. */
export function settable(job: ShownJob): Record<string, unknown> {
  const {
    id: _id,
    createdAt: _made,
    lastRunNumber: _runs,
    lastFires: _fires,
    nextFire: _next,
    lastRun: _last,
    ...rest
  } = job;
  return rest;
}

type Names = (id: string) => string;

export async function list(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<ShownJob>('/jobs', options.limit);
  if (screen.json) return screen.document(page);
  const names = new Map(page.items.map(({ id, name }) => [id, name]));
  screen.table(
    ['NAME', 'ID', 'SCHEDULE', 'NEXT', 'RUNS', 'LAST', 'ENDED', 'KEEPS', 'ENABLED'],
    page.items.map((job) => [
      job.name,
      job.id,
      schedulesText(job.schedules, (id) => names.get(id) ?? id),
      timeText(job.nextFire),
      job.lastRunNumber,
      job.lastRun?.state,
      timeText(job.lastRun?.finishedAt),
      policyText(job.retention),
      job.enabled ? 'yes' : 'no',
    ]),
  );
}

/** The names of what a job points to; an id stays where it is gone. */
async function namesOf(client: Client, job: ShownJob): Promise<Names> {
  const followed = job.schedules.flatMap((one) => (one.kind === 'after' ? [one.jobId] : []));
  const repositories = [job.repositoryId, ...job.destinations.map(({ repositoryId }) => repositoryId)];
  const paths = [
    ['organizations', [job.organizationId]],
    ['repositories', repositories],
    ['jobs', followed],
  ] as const;
  const names = new Map<string, string>();
  for (const [path, ids] of paths) {
    for (const id of new Set(ids)) {
      try {
        names.set(id, (await client.get<{ name: string }>(`/${path}/${step(id)}`)).name);
      } catch (error) {
        if (!(error instanceof ApiRefused) || error.problem.status !== 404) throw error;
      }
    }
  }
  return (id) => names.get(id) ?? id;
}

export async function show(
  { client, screen, io }: Context,
  args: string[],
  options: { yaml?: boolean },
): Promise<undefined> {
  const { id } = await resolveNamed(client, 'job', args[0]);
  const job = await client.get<ShownJob>(`/jobs/${step(id)}`);
  if (screen.json) return screen.document(job);
  if (options.yaml === true) return void io.out.write(stringifyYaml(settable(job)));
  const nameOf = await namesOf(client, job);
  screen.facts([
    ['name', job.name],
    ['id', job.id],
    ['organization', nameOf(job.organizationId)],
    ['repository', nameOf(job.repositoryId)],
    ...scopeFacts(job, nameOf),
    ...scheduleFacts(job, nameOf),
    ['next', timeText(job.nextFire)],
    ['last run', lastText(job)],
    ['keeps', `${policyText(job.retention)} (${job.retention.timeZone})`],
    ['at a time', `${job.options.concurrency} mailboxes, ${job.options.attempts} attempts`],
    ['retries', retryText(job)],
    ['Recoverable Items', job.options.includeRecoverable ? 'backed up too' : 'left out'],
    ...reportFacts(job),
    ['pool', job.pool],
    ['enabled', job.enabled ? 'yes' : 'no'],
  ]);
}

const lastText = ({ lastRun }: ShownJob): string | undefined =>
  lastRun && `#${lastRun.number} ${lastRun.state} ${timeText(lastRun.finishedAt)}`.trimEnd();

function scheduleFacts(job: ShownJob, nameOf: Names): [string, string][] {
  if (job.schedules.length === 0) return [['schedule', 'on demand']];
  const facts: [string, string][] = job.schedules.map((schedule) => {
    const from = schedule.effectiveFrom === undefined ? '' : `, from ${schedule.effectiveFrom}`;
    const keeps = schedule.retention === undefined ? '' : `, keeps ${policyText(schedule.retention)}`;
    return ['schedule', `${scheduleText(schedule, nameOf)}${from}${keeps} (${schedule.id})`];
  });
  return [...facts, ['missed times', job.catchUp ? 'one run catches up' : 'are passed over']];
}

const retryText = ({ options: { retry } }: Job): string =>
  retry.times === 0 ? 'none' : `${retry.times} for failed mailboxes, ${retry.pauseMinutes} min apart`;

interface Next {
  items: { local: string; timeZone: string; scheduleId: string; stopLocal?: string }[];
  after: { jobId: string }[];
}

export async function next(
  { client, screen }: Context,
  args: string[],
  options: { count: number },
): Promise<undefined> {
  const { id } = await resolveNamed(client, 'job', args[0]);
  const found = await client.get<Next>(`/jobs/${step(id)}/next`, { count: options.count });
  if (screen.json) return screen.document(found);
  screen.table(
    ['FIRES', 'STOPS', 'TIME ZONE', 'SCHEDULE'],
    found.items.map((fire) => [fire.local, fire.stopLocal, fire.timeZone, fire.scheduleId]),
  );
  for (const { jobId } of found.after) screen.line(`and after each run of ${jobId}`);
}
