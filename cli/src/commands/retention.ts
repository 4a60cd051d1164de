import type {
  Hold,
  Job,
  Mailbox,
  MailboxRetentionPlan,
  RestorePointRecord,
  RetentionGuard,
  RetentionSettings,
} from '@holdfast/contracts';
import type { Command } from 'commander';
import { type Client, step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { count, listLimit, wholeNumber } from '../options.ts';
import { resolveMailbox, resolveNamed, resolvePoint } from '../resolve.ts';
import { bytesText, timeText } from '../units.ts';
import { type PolicyOptions, policyOf, policyOptions, policyText } from './retentionPolicy.ts';

interface PlanOptions extends PolicyOptions {
  mailbox?: string;
  bytes?: boolean;
  all?: boolean;
  limit: number;
}

interface PlanPage {
  items: MailboxRetentionPlan[];
  next?: string;
}

/** Page by page: a mailbox at a time when the repository has to be walked for it. */
async function* plansOf(client: Client, job: Job, options: PlanOptions): AsyncIterable<MailboxRetentionPlan> {
  const path = `/jobs/${step(job.id)}/retention-plan`;
  const changed = policyOf(options);
  const retention = changed && { ...job.retention, ...changed };
  const query: Record<string, string | undefined> = {
    limit: options.bytes === true ? '1' : '50',
    bytes: options.bytes === true ? 'true' : undefined,
    mailboxId:
      options.mailbox === undefined
        ? undefined
        : (await resolveMailbox(client, options.mailbox, job.organizationId)).id,
  };
  let after: string | undefined;
  do {
    const asked = { ...query, after };
    const page: PlanPage =
      retention === undefined
        ? await client.get(path, asked)
        : await client.send('POST', `${path}?${parameters(asked)}`, { retention });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

const parameters = (query: Record<string, string | undefined>): string =>
  new URLSearchParams(
    Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();

const boundText = { exact: '', 'at-most': 'at most ', 'not-measured': '' } as const;

function freedText(freed: MailboxRetentionPlan['freed']): string {
  if (freed === undefined) return '';
  if (freed.bound === 'not-measured') return ', not measured: there is too much to look at';
  return `, would free ${boundText[freed.bound]}${bytesText(freed.bytes)} in ${freed.objects} objects`;
}

function showPlan({ screen }: Context, plan: MailboxRetentionPlan, withAll: boolean): void {
  const { freed, goes, mailboxAddress, points, stays, stopped, waiting } = plan;
  screen.line(
    `${mailboxAddress}: ${stays} stay, ${goes} go, ${waiting} wait, ${stopped} stopped${freedText(freed)}`,
  );
  const shown = withAll
    ? points
    : points.filter(({ action, goesAt }) => action !== 'stays' || goesAt !== undefined);
  if (shown.length === 0) return;
  screen.table(
    ['RESTORE POINT', 'TIME', 'ITEMS', '', 'GOES', 'REMOVED', 'WHY'],
    shown.map((point) => [
      point.id,
      timeText(point.time),
      point.itemsTotal,
      point.action,
      timeText(point.goesAt),
      timeText(point.removedAt),
      point.reason,
    ]),
  );
}

async function plan(context: Context, args: string[], options: PlanOptions): Promise<number> {
  const { client, screen } = context;
  const job = await resolveNamed<Job>(client, 'job', args[0]);
  if (!screen.json && policyOf(options) === undefined) screen.line(`Keeps ${policyText(job.retention)}.`);
  const shown: MailboxRetentionPlan[] = [];
  let stopped = 0;
  let mailboxes = 0;
  for await (const one of plansOf(client, job, options)) {
    if (mailboxes === options.limit) {
      screen.note('There are more mailboxes: use --limit or --mailbox.');
      break;
    }
    mailboxes += 1;
    stopped += one.stopped;
    if (screen.json) shown.push(one);
    else showPlan(context, one, options.all === true);
  }
  if (screen.json) screen.document({ items: shown });
  else if (mailboxes === 0) screen.line('The job has no restore points.');
  if (stopped > 0) screen.note(`Stopped plans go on after: holdfast retention approve "${job.name}"`);
  return exitCodes.ok;
}

async function hold(
  { client, screen }: Context,
  args: string[],
  options: { reason: string; org?: string },
): Promise<undefined> {
  const mailbox = await resolveMailbox(client, args[0] ?? '', options.org);
  const { reason } = options;
  const made = await client.send<Hold>('POST', `/mailboxes/${step(mailbox.id)}/holds`, { reason });
  if (screen.json) return screen.document(made);
  screen.line(`All restore points of ${mailbox.address} are held (${made.id}).`);
}

/** Holds on a mailbox as a whole, or those on one of its points. */
async function releaseAll(
  { client, screen }: Context,
  mailbox: Pick<Mailbox, 'id' | 'address'>,
  restorePointId: string | undefined,
): Promise<undefined> {
  const released: Hold[] = [];
  for await (const one of client.each<Hold>('/holds', { mailboxId: mailbox.id })) {
    if (one.restorePointId === restorePointId) released.push(one);
  }
  if (released.length === 0) throw new UsageError('it is not held', 'See: holdfast retention holds');
  for (const { id } of released) await client.send('DELETE', `/holds/${step(id)}`);
  if (screen.json) return screen.document({ released });
  for (const { id, reason } of released) screen.line(`Released ${id}: ${reason}`);
}

async function release(context: Context, args: string[], options: { org?: string }): Promise<undefined> {
  const { client, screen } = context;
  const given = args[0] ?? '';
  if (given.startsWith('hold-')) {
    await client.send('DELETE', `/holds/${step(given)}`);
    if (screen.json) return screen.document({ released: [{ id: given }] });
    screen.line(`Released ${given}.`);
    return;
  }
  return releaseAll(context, await resolveMailbox(client, given, options.org), undefined);
}

async function holds(
  { client, screen }: Context,
  args: string[],
  options: { org?: string; limit: number },
): Promise<undefined> {
  const mailbox = args[0] === undefined ? undefined : await resolveMailbox(client, args[0], options.org);
  const page = await client.list<Hold>('/holds', options.limit, { mailboxId: mailbox?.id });
  if (screen.json) return screen.document(page);
  screen.table(
    ['SINCE', 'HOLD', 'MAILBOX', 'RESTORE POINT', 'BY', 'REASON'],
    page.items.map((one) => [
      timeText(one.at),
      one.id,
      one.mailboxAddress,
      one.restorePointId ?? 'all',
      one.by,
      one.reason,
    ]),
  );
}

interface PointOptions {
  org?: string;
  repo?: string;
}

const pointOf = ({ client }: Context, given: string | undefined, { org, repo }: PointOptions) =>
  resolvePoint(client, given ?? '', { organization: org, repository: repo });

async function recall(
  context: Context,
  args: string[],
  { reason, ...place }: PointOptions & { reason?: string },
): Promise<undefined> {
  const { client, screen } = context;
  const point = await pointOf(context, args[0], place);
  const body = reason === undefined ? {} : { reason };
  const back = await client.send<RestorePointRecord>(
    'POST',
    `/restore-points/${step(point.id)}/recall`,
    body,
  );
  if (screen.json) return screen.document(back);
  screen.line(`${point.id} stays, and is held. Let it go: holdfast point release ${point.id}`);
}

async function holdPoint(
  context: Context,
  args: string[],
  { reason, ...place }: PointOptions & { reason: string },
): Promise<undefined> {
  const { client, screen } = context;
  const point = await pointOf(context, args[0], place);
  const made = await client.send<Hold>('POST', `/restore-points/${step(point.id)}/holds`, { reason });
  if (screen.json) return screen.document(made);
  screen.line(`${point.id} is held (${made.id}).`);
}

async function releasePoint(context: Context, args: string[], options: PointOptions): Promise<undefined> {
  const point = await pointOf(context, args[0], options);
  return releaseAll(context, { id: point.mailboxId, address: point.mailboxAddress }, point.id);
}

async function run(
  { client, screen }: Context,
  _args: string[],
  options: { repo?: string },
): Promise<undefined> {
  const repository =
    options.repo === undefined ? undefined : await resolveNamed(client, 'repository', options.repo);
  await client.send(
    'POST',
    '/retention/runs',
    repository === undefined ? {} : { repositoryId: repository.id },
  );
  if (screen.json) return screen.document({ requested: true });
  screen.line('Asked for. See what it did: holdfast events list --name retention.completed');
}

type Guard = Omit<RetentionGuard, 'pointIds' | 'announced'>;

async function guards(
  { client, screen }: Context,
  _args: string[],
  options: { job?: string; limit: number },
): Promise<undefined> {
  const jobId = options.job === undefined ? undefined : (await resolveNamed(client, 'job', options.job)).id;
  const page = await client.list<Guard>('/retention/guards', options.limit, { jobId });
  if (screen.json) return screen.document(page);
  screen.table(
    ['SINCE', 'JOB', 'MAILBOX', 'WOULD GO', 'OF', 'STATE', 'APPROVED BY'],
    page.items.map((guard) => [
      timeText(guard.since),
      guard.jobId,
      guard.mailboxAddress,
      guard.points,
      guard.of,
      guard.state,
      guard.approvedBy,
    ]),
  );
}

async function approve({ client, screen }: Context, args: string[]): Promise<undefined> {
  const job = await resolveNamed(client, 'job', args[0]);
  const path = `/jobs/${step(job.id)}/retention-approval`;
  const done = await client.send<{ mailboxes: number; points: number }>('POST', path);
  if (screen.json) return screen.document(done);
  screen.line(
    `Approved: ${done.points} restore points of ${done.mailboxes} mailboxes go into the waiting room.`,
  );
}

interface SettingsOptions {
  time?: string;
  timeZone?: string;
  waitDays?: number;
  guardPercent?: number;
  guardPoints?: number;
  runDays?: number;
  restoreDays?: number;
  eventDays?: number;
  auditDays?: number;
  alertDays?: number;
  deliveryDays?: number;
}

/** Shows the settings; with flags, what is set now with what is given over it. */
async function settings(
  { client, screen }: Context,
  _args: string[],
  options: SettingsOptions,
): Promise<undefined> {
  const path = '/settings/retention';
  const { guardPercent, guardPoints, ...flat } = options;
  let now = await client.get<RetentionSettings>(path);
  if (Object.keys(options).length > 0) {
    const guard = {
      percent: guardPercent ?? now.guard.percent,
      points: guardPoints ?? now.guard.points,
    };
    now = await client.send<RetentionSettings>('PUT', path, { ...now, ...flat, guard });
  }
  if (screen.json) return screen.document(now);
  screen.facts([
    ['daily at', `${now.time} ${now.timeZone}`],
    ['waiting room', `${now.waitDays} days`],
    [
      'stops at',
      `more than ${now.guard.percent} % and ${now.guard.points} restore points of a mailbox at once`,
    ],
    ['runs kept', `${now.runDays} days`],
    ['restores kept', `${now.restoreDays} days`],
    ['events kept', `${now.eventDays} days`],
    ['audit kept', `${now.auditDays} days`],
    ['alerts kept', `${now.alertDays} days`],
    ['deliveries kept', `${now.deliveryDays} days`],
  ]);
}

const place = (command: Command): Command =>
  command.option('--org <org>', 'organization of the mailbox').option('--repo <repo>', 'repository');

/** What is about one restore point stands with the others of its kind. */
function pointHolds(runner: Runner, program: Command): void {
  const point = program.commands.find((command) => command.name() === 'point');
  if (point === undefined) throw new TypeError('the commands of points come first');
  const holding = point.command('hold <point>').description('keep it, whatever its policy says');
  act(runner, place(holding.requiredOption('--reason <text>', 'why; shown in every plan')), holdPoint);
  act(runner, place(point.command('release <point>').description('release its holds')), releasePoint);
}

export function retentionCommands(runner: Runner, program: Command): void {
  pointHolds(runner, program);
  const retention = program.command('retention').description('what is kept, what goes, and when');
  const planning = retention
    .command('plan <job>')
    .description(
      'what becomes of its restore points and why; with policy flags: what would under that policy',
    )
    .option('--mailbox <mailbox>', 'only this mailbox')
    .option('--bytes', 'count what would be freed (walks the repository)')
    .option('--all', 'also what stays without a date');
  act(runner, policyOptions(listLimit(planning)), plan);
  const holding = retention.command('hold <mailbox>').description('keep all its restore points (legal hold)');
  holding.requiredOption('--reason <text>', 'why; shown in every plan').option('--org <org>', 'organization');
  act(runner, holding, hold);
  const releasing = retention
    .command('release <hold>')
    .description('release a hold by its id, or those of a mailbox');
  act(runner, releasing.option('--org <org>', 'organization of the mailbox'), release);
  const listing = retention.command('holds [mailbox]').description('list the holds, newest first');
  act(runner, listLimit(listing.option('--org <org>', 'organization of the mailbox')), holds);
  const recalling = retention
    .command('recall <point>')
    .description('call it back from the waiting room and hold it');
  act(runner, place(recalling.option('--reason <text>', 'why')), recall);
  const running = retention.command('run').description('look at all mailboxes now');
  act(runner, running.option('--repo <repo>', 'only this repository'), run);
  const stopped = retention
    .command('guards')
    .description('list the plans that were stopped because they take too much');
  act(runner, listLimit(stopped.option('--job <job>', 'only of this job')), guards);
  act(runner, retention.command('approve <job>').description('let its stopped plans go on'), approve);
  const setting = retention
    .command('settings')
    .description('show the settings, or change those that are given')
    .option('--time <hh:mm>', 'when all mailboxes are looked at')
    .option('--time-zone <zone>', 'time zone of that')
    .option('--wait-days <n>', 'days in the waiting room', count)
    .option('--guard-percent <n>', 'share of a mailbox that may go at once', wholeNumber)
    .option('--guard-points <n>', 'number that may always go', count)
    .option('--run-days <n>', 'days that runs are kept', wholeNumber)
    .option('--restore-days <n>', 'days that restore sessions are kept', wholeNumber)
    .option('--event-days <n>', 'days that events are kept', wholeNumber)
    .option('--audit-days <n>', 'days that the audit log is kept', wholeNumber)
    .option('--alert-days <n>', 'days that alerts are kept after their end', wholeNumber)
    .option('--delivery-days <n>', 'days that deliveries to webhooks are kept', wholeNumber);
  act(runner, setting, settings);
}
