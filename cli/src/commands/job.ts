import type { Run } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { parse as parseYaml } from 'yaml';
import { step } from '../client.ts';
import { act, type Context, type Runner, readGiven } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, count, listLimit, wholeNumber } from '../options.ts';
import { resolveMailbox, resolveNamed } from '../resolve.ts';
import { timeText } from '../units.ts';
import { watchRun } from '../watchRun.ts';
import { notificationsOf, type ReportOptions, reportFlags } from './jobReports.ts';
import { type ScheduleOptions, scheduleOptions, schedulesOf } from './jobSchedule.ts';
import {
  namedDestinations,
  type ScopeOptions,
  scopeDraft,
  scopeFlags,
  showPreview,
  tellWarnings,
} from './jobScope.ts';
import { list, next, type ShownJob, settable, show } from './jobShow.ts';
import { type PolicyOptions, policyOf, policyOptions } from './retentionPolicy.ts';

type SavedJob = ShownJob & { warnings?: { message: string }[] };

interface JobOptions extends ScheduleOptions, PolicyOptions, ReportOptions, ScopeOptions {
  file?: string;
  name?: string;
  org?: string;
  repo?: string;
  concurrency?: number;
  attempts?: number;
  retryTimes?: number;
  retryPause?: number;
  recoverableItems?: boolean;
  catchUp?: boolean;
  recipient: string[];
  pool?: string;
  enable?: boolean;
}

type Draft = Record<string, unknown>;

/** A job file: the fields of the API; `organization` and `repository` may be names. @throws UsageError */
export function readJobFile(text: string, file: string): Draft {
  let parsed: unknown;
  try {
    parsed = parseYaml(text, { maxAliasCount: 20 });
  } catch (error) {
    throw new UsageError(`${file} is no YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new UsageError(`${file} must hold the fields of one job`);
  }
  return { ...parsed };
}

/** The flags as fields; they win over the file. */
export function draftOf(options: JobOptions): Draft {
  const given = givenOf({
    concurrency: options.concurrency,
    attempts: options.attempts,
    retry: orNothing(givenOf({ times: options.retryTimes, pauseMinutes: options.retryPause })),
    includeRecoverable: options.recoverableItems,
  });
  return givenOf({
    name: options.name,
    organization: options.org,
    repository: options.repo,
    ...scopeDraft(options),
    schedules: schedulesOf(options),
    catchUp: options.catchUp,
    retention: policyOf(options),
    options: orNothing(given),
    recipients: options.recipient.length === 0 ? undefined : options.recipient,
    notifications: notificationsOf(options),
    pool: options.pool,
    enabled: options.enable,
  });
}

const givenOf = (draft: Draft): Draft =>
  Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
const orNothing = (draft: Draft): Draft | undefined => (Object.keys(draft).length === 0 ? undefined : draft);

/** File and flags as the API wants them: names become ids. Options of a job are changed one by one. */
async function bodyOf({ client }: Context, options: JobOptions, before: Draft): Promise<Draft> {
  const file = options.file;
  const fromFile = file === undefined ? {} : readJobFile(readGiven('--file', file), file);
  const flags = draftOf(options);
  const { organization, repository, ...rest } = { ...fromFile, ...flags };
  const body: Draft = { ...before, ...rest };
  for (const source of [fromFile, flags]) {
    if (isDraft(body.options) && isDraft(source.options))
      body.options = mergedOptions(body.options, source.options);
  }
  if (isDraft(before.options) && isDraft(body.options))
    body.options = mergedOptions(before.options, body.options);
  if (isDraft(before.notifications) && isDraft(flags.notifications))
    body.notifications = { ...before.notifications, ...flags.notifications };
  const text = (value: unknown) => (value === undefined ? undefined : String(value));
  if (body.organizationId === undefined || organization !== undefined) {
    body.organizationId = (await resolveNamed(client, 'organization', text(organization))).id;
  }
  if (body.repositoryId === undefined || repository !== undefined) {
    body.repositoryId = (await resolveNamed(client, 'repository', text(repository))).id;
  }
  // The flags of a policy change its rules one by one: a rule that nobody spoke of must not go with its restore points.
  if (isDraft(flags.retention)) {
    const kept = [fromFile.retention, before.retention].find(isDraft);
    body.retention = { ...kept, ...flags.retention };
  }
  if (isDraft(before.exclude) && isDraft(body.exclude)) body.exclude = { ...before.exclude, ...body.exclude };
  if (isDraft(before.scripts) && isDraft(body.scripts)) body.scripts = { ...before.scripts, ...body.scripts };
  body.destinations = await namedDestinations(client, body.destinations);
  body.schedules = await namedJobs(client, body.schedules);
  return givenOf(body);
}

const isDraft = (value: unknown): value is Draft =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function mergedOptions(before: Draft, given: Draft): Draft {
  const merged = { ...before, ...given };
  if (isDraft(before.retry) && isDraft(given.retry)) merged.retry = { ...before.retry, ...given.retry };
  return merged;
}

/** A job that is followed may be given by its name. */
async function namedJobs(client: Context['client'], schedules: unknown): Promise<unknown> {
  if (!Array.isArray(schedules)) return schedules;
  const named: unknown[] = [];
  for (const schedule of schedules) {
    const isChained = isDraft(schedule) && schedule.kind === 'after' && typeof schedule.jobId === 'string';
    named.push(
      isChained
        ? { ...schedule, jobId: (await resolveNamed(client, 'job', String(schedule.jobId))).id }
        : schedule,
    );
  }
  return named;
}

const nextText = (job: ShownJob): string => {
  if (job.nextFire !== null) return `runs next at ${timeText(job.nextFire)}`;
  return job.schedules.length > 0 && job.enabled ? 'runs after another job' : 'runs on demand';
};

async function create(context: Context, _args: string[], options: JobOptions): Promise<undefined> {
  const { client, screen } = context;
  const made = await client.send<SavedJob>('POST', '/jobs', await bodyOf(context, options, {}));
  if (screen.json) return screen.document(made);
  tellWarnings(context, made.warnings);
  screen.line(`Added ${made.name} (${made.id}), ${nextText(made)}. Run it now: holdfast job run ${made.id}`);
}

async function edit(context: Context, args: string[], options: JobOptions): Promise<undefined> {
  const { client, screen } = context;
  const { id } = await resolveNamed(client, 'job', args[0]);
  const path = `/jobs/${step(id)}`;
  const { body: before, etag } = await client.getTagged<ShownJob>(path);
  const body = await bodyOf(context, options, settable(before));
  const changed = await client.send<SavedJob>('PUT', path, body, { 'if-match': etag });
  if (screen.json) return screen.document(changed);
  tellWarnings(context, changed.warnings);
  screen.line(`Changed ${changed.name} (${changed.id}), ${nextText(changed)}.`);
}

type PreviewOptions = JobOptions & { show?: string; search?: string; limit: number; refresh?: boolean };

/** A saved job as it is, or as it would be with what the flags and the file say. */
async function preview(context: Context, args: string[], options: PreviewOptions): Promise<undefined> {
  const { client } = context;
  const isChanged = options.file !== undefined || Object.keys(draftOf(options)).length > 0;
  if (args[0] === undefined)
    return showPreview(context, undefined, await bodyOf(context, options, {}), options);
  const { id } = await resolveNamed(client, 'job', args[0]);
  if (!isChanged) return showPreview(context, id, undefined, options);
  const before = settable(await client.get<ShownJob>(`/jobs/${step(id)}`));
  return showPreview(context, undefined, await bodyOf(context, options, before), options);
}

interface RunOptions {
  mailbox: string[];
  watch?: boolean;
  key?: string;
}

async function run(context: Context, args: string[], options: RunOptions): Promise<number> {
  const { client, screen } = context;
  const job = await resolveNamed<ShownJob>(client, 'job', args[0]);
  const mailboxIds: string[] = [];
  for (const address of options.mailbox) {
    mailboxIds.push((await resolveMailbox(client, address, job.organizationId)).id);
  }
  const headers = options.key === undefined ? {} : { 'idempotency-key': options.key };
  const body = mailboxIds.length === 0 ? {} : { mailboxIds };
  const made = await client.send<Run>('POST', `/jobs/${step(job.id)}/run`, body, headers);
  if (options.watch === true) return watchRun(context, made.id);
  if (screen.json) screen.document(made);
  else screen.line(`Requested ${made.id}. Watch it: holdfast run watch ${made.id}`);
  return exitCodes.ok;
}

async function stop({ client, screen }: Context, args: string[]): Promise<undefined> {
  const job = await resolveNamed<ShownJob>(client, 'job', args[0]);
  const stopped: Run[] = [];
  for (const state of ['running', 'requested'] as const) {
    for await (const run of client.each<Run>('/runs', { jobId: job.id, state })) {
      stopped.push(await client.send<Run>('POST', `/runs/${step(run.id)}/stop`));
    }
  }
  if (stopped.length === 0) throw new UsageError(`${job.name} is not running`, 'See: holdfast run list');
  if (screen.json) return screen.document({ items: stopped });
  for (const { id } of stopped)
    screen.line(`Stopping ${id} at the next checkpoints; what is stored stays usable.`);
}

async function remove({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id, name } = await resolveNamed(client, 'job', args[0]);
  await client.send('DELETE', `/jobs/${step(id)}`);
  if (screen.json) screen.document({ id, removed: true });
  else screen.line(`Removed ${name}. Its runs and restore points stay.`);
  return undefined;
}

const jobOptions = (command: Command): Command =>
  scheduleOptions(
    policyOptions(reportFlags(scopeFlags(command)))
      .option(
        '-f, --file <file>',
        'YAML with the fields of the API; organization and repository may be names',
      )
      .option('--name <name>', 'its name')
      .option('--org <org>', 'organization')
      .option('--repo <repo>', 'repository'),
  )
    .option('--catch-up', 'after a downtime one run catches up (the default)')
    .option('--no-catch-up', 'what was missed in a downtime is passed over')
    .addOption(new Option('--concurrency <n>', 'mailboxes at a time').argParser(wholeNumber))
    .addOption(new Option('--attempts <n>', 'tries of a mailbox in a row').argParser(wholeNumber))
    .addOption(
      new Option('--retry-times <n>', 'how often failed mailboxes are tried again at the end').argParser(
        count,
      ),
    )
    .addOption(new Option('--retry-pause <minutes>', 'pause before each of these').argParser(count))
    .option('--recoverable-items', 'Recoverable Items are backed up too')
    .option('--no-recoverable-items', 'Recoverable Items are left out (the default)')
    .option('--recipient <address>', 'gets the report too (repeat for more)', collect, [])
    .option('--pool <pool>', 'pool of workers')
    .option('--enable', 'its schedules fire (the default)')
    .option('--no-enable', 'its schedules do not fire');

export function jobCommands(runner: Runner, program: Command): void {
  const job = program.command('job').description('jobs: what is backed up, when and where to');
  const creating = job
    .command('create')
    .description('add a job from a YAML file, from flags, or from both (flags win)');
  act(runner, jobOptions(creating), create);
  const editing = job
    .command('edit <job>')
    .description('change what a YAML file or flags say, and leave the rest as it is');
  act(runner, jobOptions(editing), edit);
  const previewing = job
    .command('preview [job]')
    .description('who is in, who is out and why, and where each goes: of a job, or as flags and a file say')
    .addOption(new Option('--show <status>', 'only these').choices(['in', 'out', 'error', 'all']))
    .option('--search <text>', 'parts of the address or the name')
    .option('--refresh', 'read the directory anew, as a run does')
    .option('--limit <n>', 'at most', wholeNumber, 100);
  act(runner, jobOptions(previewing), preview);
  const running = job
    .command('run <job>')
    .description('run a job now')
    .option('--mailbox <address>', 'only this mailbox (repeat for more)', collect, [])
    .option('--watch', 'follow it to its end')
    .option('--key <text>', 'a repeat with the same key makes no second run');
  act(runner, running, run);
  act(runner, listLimit(job.command('list').description('list jobs')), list);
  const showing = job
    .command('show [job]')
    .description('show one')
    .option('--yaml', 'as a file for `job create` or `job edit`');
  act(runner, showing, show);
  const looking = job
    .command('next [job]')
    .description('when its schedules fire next')
    .option('--count <n>', 'how many times', wholeNumber, 10);
  act(runner, looking, next);
  act(runner, job.command('stop <job>').description('stop its run at the next checkpoints'), stop);
  act(runner, job.command('delete <job>').description('remove one that is not running'), remove);
}
