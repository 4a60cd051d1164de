import { type Gap, type Run, type RunTask, runStates, type ScriptRecord } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { listLimit } from '../options.ts';
import { resolveNamed, resolveRun } from '../resolve.ts';
import { timeText } from '../units.ts';
import { showRun, watchRun } from '../watchRun.ts';

interface ListOptions {
  job?: string;
  state?: string;
  limit: number;
}

const shownTasks = 50;
const shownGaps = 20;

async function list({ client, screen }: Context, _args: string[], options: ListOptions): Promise<undefined> {
  const jobId = options.job === undefined ? undefined : (await resolveNamed(client, 'job', options.job)).id;
  const page = await client.list<Run>('/runs', options.limit, { jobId, state: options.state });
  if (screen.json) return screen.document(page);
  screen.table(
    ['RUN', 'JOB', 'STATE', 'REQUESTED', 'FINISHED', 'MAILBOXES', 'NEW', 'GAPS'],
    page.items.map((run) => [
      run.id,
      run.number === 0 ? run.jobName : `${run.jobName} #${run.number}`,
      run.state,
      timeText(run.requestedAt),
      timeText(run.finishedAt),
      run.tasks.total,
      run.totals.itemsNew,
      run.totals.gapsOpen,
    ]),
  );
}

async function show(context: Context, args: string[]): Promise<undefined> {
  const { client, screen } = context;
  const run = await resolveRun(client, args[0] ?? '');
  const path = `/runs/${step(run.id)}`;
  const tasks = await client.list<RunTask>(`${path}/tasks`, shownTasks, { problems: 'first' });
  const gaps = await client.list<Gap & { mailboxAddress: string }>(`${path}/gaps`, shownGaps);
  if (screen.json) return screen.document({ ...run, taskList: tasks, gapList: gaps });
  showRun(context, run);
  screen.table(
    ['MAILBOX', 'STATE', 'NEW', 'CHANGED', 'REMOVED', 'GAPS', 'WHAT FAILED AND WHAT TO DO'],
    tasks.items.map((task) => [
      task.mailboxAddress,
      task.state,
      task.totals?.itemsNew,
      task.totals?.itemsChanged,
      task.totals?.itemsRemoved,
      task.totals?.gapsOpen,
      task.error === undefined ? '' : `${task.error.message} ${task.error.remedy ?? ''}`,
    ]),
  );
  const { items: scripts } = await client.get<{ items: ScriptRecord[] }>(`${path}/scripts`);
  for (const script of scripts) screen.line(scriptText(script));
  if (tasks.next !== undefined) screen.line(`(the first ${shownTasks} mailboxes of ${run.tasks.total})`);
  if (gaps.items.length === 0) return;
  screen.line('Open gaps:');
  screen.table(
    ['MAILBOX', 'FOLDER', 'SUBJECT', 'REASON', 'TRIES', 'NEXT TRY'],
    gaps.items.map((gap) => [
      gap.mailboxAddress,
      gap.folderPath,
      gap.subject,
      gap.reason,
      gap.tries,
      timeText(gap.nextTry),
    ]),
  );
}

async function watch(context: Context, args: string[]): Promise<number> {
  const run = await resolveRun(context.client, args[0] ?? '');
  return watchRun(context, run.id);
}

async function stop({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveRun(client, args[0] ?? '');
  const run = await client.send<Run>('POST', `/runs/${step(id)}/stop`);
  if (screen.json) screen.document(run);
  else screen.line(`Stopping ${id} at the next checkpoints; what is stored stays usable.`);
  return undefined;
}

async function retry(
  context: Context,
  args: string[],
  options: { watch?: boolean; key?: string },
): Promise<number> {
  const { client, screen } = context;
  const { id } = await resolveRun(client, args[0] ?? '');
  const headers = options.key === undefined ? {} : { 'idempotency-key': options.key };
  const made = await client.send<Run>('POST', `/runs/${step(id)}/retry`, undefined, headers);
  if (options.watch === true) return watchRun(context, made.id);
  if (screen.json) screen.document(made);
  else {
    const count = made.onlyMailboxes?.length ?? 0;
    screen.line(
      `Requested ${made.id} for ${count} failed mailboxes. Watch it: holdfast run watch ${made.id}`,
    );
  }
  return exitCodes.ok;
}

const scriptText = ({ message, phase, script, state }: ScriptRecord): string =>
  `${phase} the run: ${script.path}: ${state}${message === undefined ? '' : ` (${message})`}`;

async function scripts({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveRun(client, args[0] ?? '');
  const found = await client.get<{ items: ScriptRecord[] }>(`/runs/${step(id)}/scripts`);
  if (screen.json) return screen.document(found);
  for (const record of found.items) {
    screen.line(scriptText(record));
    if (record.outputCut) screen.note('The beginning of its output was not kept.');
    for (const line of record.output.split('\n').filter((text) => text !== '')) screen.line(`  ${line}`);
  }
  if (found.items.length === 0) screen.line('The run has no scripts.');
}

export function runCommands(runner: Runner, program: Command): void {
  const run = program
    .command('run')
    .description('runs: name one by its id, as JOB#NUMBER, or by its job for the newest');
  const listing = listLimit(run.command('list').description('list runs, newest first'))
    .option('--job <job>', 'only of this job')
    .addOption(new Option('--state <state>', 'only in this state').choices([...runStates]));
  act(runner, listing, list);
  act(runner, run.command('show <run>').description('result, mailboxes with problems first, gaps'), show);
  act(runner, run.command('scripts <run>').description('its scripts and what they wrote'), scripts);
  act(runner, run.command('watch <run>').description('follow it to its end'), watch);
  const retrying = run
    .command('retry <run>')
    .description('run its job again for the mailboxes that failed')
    .option('--watch', 'follow it to its end')
    .option('--key <text>', 'a repeat with the same key makes no second run');
  act(runner, retrying, retry);
  act(runner, run.command('stop <run>').description('stop it at the next checkpoints'), stop);
}
