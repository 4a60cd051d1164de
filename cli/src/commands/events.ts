import type { Command } from 'commander';
import { act, type Context, type Runner } from '../context.ts';
import { ApiRefused, Unreachable, UsageError } from '../errors.ts';
import { listLimit, wholeNumber } from '../options.ts';
import { resolveNamed } from '../resolve.ts';
import { safeText } from '../screen.ts';
import type { ServerMessage } from '../serverMessages.ts';
import { timeText } from '../units.ts';

interface FilterOptions {
  type?: string;
  org?: string;
  job?: string;
  run?: string;
  limit: number;
}

interface ShownEvent {
  id: string;
  time: string;
  name: string;
  subject: string;
  data: Record<string, unknown>;
}

async function filterOf({ client }: Context, options: FilterOptions) {
  return {
    name: options.type,
    organizationId:
      options.org === undefined ? undefined : (await resolveNamed(client, 'organization', options.org)).id,
    jobId: options.job === undefined ? undefined : (await resolveNamed(client, 'job', options.job)).id,
    runId: options.run,
  };
}

const shown = ['outcome', 'state', 'mailboxAddress', 'mailboxes', 'change', 'reason', 'name', 'requestedBy'];

function summaryOf(data: Record<string, unknown>): string {
  return shown
    .filter((field) => data[field] !== undefined)
    .map((field) => `${field}=${String(data[field])}`)
    .join(' ');
}

function eventLine(event: ShownEvent): string {
  return safeText(
    `${timeText(event.time)}  ${event.name.padEnd(24)} ${event.subject}  ${summaryOf(event.data)}`,
  );
}

async function list(context: Context, _args: string[], options: FilterOptions): Promise<undefined> {
  const { client, screen } = context;
  const page = await client.list<ShownEvent>('/events', options.limit, await filterOf(context, options));
  if (screen.json) return screen.document(page);
  for (const event of page.items.toReversed()) screen.line(eventLine(event));
}

interface TailOptions extends FilterOptions {
  progress?: boolean;
  after?: string;
  since?: string;
  count?: number;
}

const pauseMs = 2_000;
const mayPass = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof ApiRefused && error.problem.status >= 500);

/** Follows events; a lost connection is taken up where it ended. */
async function tail(context: Context, _args: string[], options: TailOptions): Promise<undefined> {
  const { client, io, screen } = context;
  const query = {
    ...(await filterOf(context, options)),
    progress: options.progress === true ? 'true' : 'false',
    since: options.since === undefined ? undefined : sinceTime(options.since, Date.now()),
  };
  let lastId = options.after;
  let left = options.count ?? Number.POSITIVE_INFINITY;
  let everConnected = false;
  const show = (message: ServerMessage) => {
    const json = JSON.parse(message.data) as ShownEvent & { kind: string };
    if (screen.json) screen.record(json);
    else if (message.event === 'progress') screen.line(safeText(`progress  ${message.data}`));
    else screen.line(eventLine(json));
  };
  for (;;) {
    try {
      for await (const message of client.follow('/events/stream', query, lastId)) {
        everConnected = true;
        show(message);
        lastId = message.id ?? lastId;
        left -= message.event === 'progress' ? 0 : 1;
        if (left <= 0) return;
      }
    } catch (error) {
      if (!everConnected || !mayPass(error)) throw error;
    }
    screen.note('the stream ended; connecting again');
    await io.sleep(pauseMs);
  }
}

const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** `2h`, `3d`, or a time such as 2026-11-22T07:00:00Z. @throws UsageError */
export function sinceTime(text: string, nowMs: number): string {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const atMs = count === undefined ? Date.parse(text) : nowMs - Number(count) * (unitMs[unit] ?? 0);
  if (Number.isNaN(atMs)) throw new UsageError('--since must be such as 2h, 3d or 2026-11-22T07:00:00Z');
  return new Date(atMs).toISOString();
}

const eventId = (text: string): string => {
  if (!/^[\x21-\x7e]{1,200}$/.test(text)) throw new UsageError('--after must be the id of an event');
  return text;
};

export function eventsCommands(runner: Runner, program: Command): void {
  const events = program.command('events').description('what happened, and what happens');
  const filters = (command: Command): Command =>
    command
      .option('--type <names>', 'such as run.completed, or run.* for all of runs; comma separated')
      .option('--org <org>', 'of this organization')
      .option('--job <job>', 'of this job')
      .option('--run <id>', 'of this run');
  act(runner, listLimit(filters(events.command('list').description('read the log, newest last'))), list);
  const tailing = filters(events.command('tail').description('follow events as they happen'))
    .option('--progress', 'live counters as well')
    .option('--since <time>', 'first what happened since then: 2h, 3d or a time')
    .option('--after <id>', 'begin after this event of the log', eventId)
    .option('--count <n>', 'end after this many events', wholeNumber);
  act(runner, tailing, tail);
}
