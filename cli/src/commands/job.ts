import type { Job, Run } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { parse as parseYaml } from 'yaml';
import { step } from '../client.ts';
import { act, type Context, type Runner, readGiven } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, listLimit, wholeNumber } from '../options.ts';
import { resolveMailbox, resolveNamed } from '../resolve.ts';
import { timeText } from '../units.ts';
import { watchRun } from '../watchRun.ts';

type ShownJob = Job & { nextFire: string | null };

interface CreateOptions {
  file?: string;
  name?: string;
  org?: string;
  repo?: string;
  all?: boolean;
  mailbox: string[];
  group: string[];
  exclude: string[];
  daily?: string;
  days?: string;
  timeZone?: string;
  everyMinutes?: number;
  keepLast?: number;
  concurrency?: number;
  attempts?: number;
  recipient: string[];
  pool?: string;
  disabled?: boolean;
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

function scheduleOf(options: CreateOptions): Draft | undefined {
  if (options.everyMinutes !== undefined && options.daily !== undefined) {
    throw new UsageError('give --daily or --every-minutes, not both');
  }
  if (options.everyMinutes !== undefined) return { kind: 'interval', everyMinutes: options.everyMinutes };
  if (options.daily === undefined) {
    if (options.days === undefined && options.timeZone === undefined) return undefined;
    throw new UsageError('--days and --time-zone belong to --daily');
  }
  const timeZone = options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const days = options.days?.split(',').map(Number);
  return { kind: 'daily', time: options.daily, timeZone, ...(days === undefined ? {} : { days }) };
}

function sourcesOf(options: CreateOptions): Draft[] | undefined {
  const sources = [
    ...options.mailbox.map((address) => ({ kind: 'mailbox', address })),
    ...options.group.map((groupId) => ({ kind: 'group', groupId })),
    ...(options.all === true ? [{ kind: 'organization' }] : []),
  ];
  return sources.length === 0 ? undefined : sources;
}

/** The flags as fields; they win over the file. */
export function draftOf(options: CreateOptions): Draft {
  const limits = { concurrency: options.concurrency, attempts: options.attempts };
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  const draft: Draft = {
    name: options.name,
    organization: options.org,
    repository: options.repo,
    sources: sourcesOf(options),
    exclude: options.exclude.length === 0 ? undefined : options.exclude,
    schedule: scheduleOf(options),
    retention: options.keepLast === undefined ? undefined : { keepLast: options.keepLast },
    options: given.length === 0 ? undefined : Object.fromEntries(given),
    recipients: options.recipient.length === 0 ? undefined : options.recipient,
    pool: options.pool,
    enabled: options.disabled === true ? false : undefined,
  };
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
}

async function create(
  { client, screen }: Context,
  _args: string[],
  options: CreateOptions,
): Promise<undefined> {
  const fromFile =
    options.file === undefined ? {} : readJobFile(readGiven('--file', options.file), options.file);
  const { organization, repository, ...rest } = { ...fromFile, ...draftOf(options) } as Draft;
  const text = (value: unknown) => (value === undefined ? undefined : String(value));
  const body = { ...rest };
  if (body.organizationId === undefined || organization !== undefined) {
    body.organizationId = (await resolveNamed(client, 'organization', text(organization))).id;
  }
  if (body.repositoryId === undefined || repository !== undefined) {
    body.repositoryId = (await resolveNamed(client, 'repository', text(repository))).id;
  }
  const made = await client.send<ShownJob>('POST', '/jobs', body);
  if (screen.json) return screen.document(made);
  const next = made.nextFire === null ? 'runs by hand' : `runs next at ${timeText(made.nextFire)}`;
  screen.line(`Added ${made.name} (${made.id}), ${next}. Run it now: holdfast job run ${made.id}`);
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

const scheduleText = ({ schedule }: Job): string => {
  if (schedule.kind === 'interval') return `every ${schedule.everyMinutes} min`;
  if (schedule.kind === 'manual') return 'by hand';
  const days = schedule.days === undefined ? 'daily' : `days ${schedule.days.join(',')}`;
  return `${days} ${schedule.time} ${schedule.timeZone}`;
};

async function list(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<ShownJob>('/jobs', options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['NAME', 'ID', 'SCHEDULE', 'NEXT', 'RUNS', 'KEEPS', 'ENABLED'],
    page.items.map((job) => [
      job.name,
      job.id,
      scheduleText(job),
      timeText(job.nextFire),
      job.lastRunNumber,
      job.retention.keepLast,
      job.enabled ? 'yes' : 'no',
    ]),
  );
}

const sourceText = (source: Job['sources'][number]): string => {
  if (source.kind === 'organization') return 'all mailboxes';
  return source.kind === 'group' ? `group ${source.groupId}` : source.address;
};

async function show({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveNamed(client, 'job', args[0]);
  const job = await client.get<ShownJob>(`/jobs/${step(id)}`);
  if (screen.json) return screen.document(job);
  screen.facts([
    ['name', job.name],
    ['id', job.id],
    ['organization', job.organizationId],
    ['repository', job.repositoryId],
    ['sources', job.sources.map(sourceText).join(', ')],
    ['excluded', job.exclude.join(', ')],
    ['schedule', scheduleText(job)],
    ['next', timeText(job.nextFire)],
    ['keeps', `${job.retention.keepLast} newest restore points of each mailbox`],
    ['at a time', `${job.options.concurrency} mailboxes, ${job.options.attempts} attempts`],
    ['recipients', job.recipients.join('; ')],
    ['pool', job.pool],
    ['enabled', job.enabled ? 'yes' : 'no'],
  ]);
}

async function remove({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id, name } = await resolveNamed(client, 'job', args[0]);
  await client.send('DELETE', `/jobs/${step(id)}`);
  if (screen.json) screen.document({ id, removed: true });
  else screen.line(`Removed ${name}. Its runs and restore points stay.`);
  return undefined;
}

export function jobCommands(runner: Runner, program: Command): void {
  const job = program.command('job').description('jobs: what is backed up, when and where to');
  const creating = job
    .command('create')
    .description('add a job from a YAML file, from flags, or from both (flags win)')
    .option('-f, --file <file>', 'YAML with the fields of the API; organization and repository may be names')
    .option('--name <name>', 'its name')
    .option('--org <org>', 'organization')
    .option('--repo <repo>', 'repository')
    .option('--all', 'all mailboxes of the organization')
    .option('--mailbox <address>', 'a mailbox (repeat for more)', collect, [])
    .option('--group <id>', 'members of a directory group (repeat for more)', collect, [])
    .option('--exclude <address>', 'never this mailbox (repeat for more)', collect, [])
    .option('--daily <HH:MM>', 'run every day at this time')
    .option('--days <1,2,…>', 'only on these days with --daily, Monday is 1')
    .option('--time-zone <zone>', 'of --daily, such as Europe/Berlin; this machine’s by default')
    .addOption(new Option('--every-minutes <n>', 'run every n minutes').argParser(wholeNumber))
    .addOption(new Option('--keep-last <n>', 'restore points kept of each mailbox').argParser(wholeNumber))
    .addOption(new Option('--concurrency <n>', 'mailboxes at a time').argParser(wholeNumber))
    .addOption(new Option('--attempts <n>', 'tries of a mailbox in a run').argParser(wholeNumber))
    .option('--recipient <address>', 'gets the report too (repeat for more)', collect, [])
    .option('--pool <pool>', 'pool of workers')
    .option('--disabled', 'the schedule does not fire');
  act(runner, creating, create);
  const running = job
    .command('run <job>')
    .description('run a job now')
    .option('--mailbox <address>', 'only this mailbox (repeat for more)', collect, [])
    .option('--watch', 'follow it to its end')
    .option('--key <text>', 'a repeat with the same key makes no second run');
  act(runner, running, run);
  act(runner, listLimit(job.command('list').description('list jobs')), list);
  act(runner, job.command('show [job]').description('show one'), show);
  act(runner, job.command('delete <job>').description('remove one that is not running'), remove);
}
