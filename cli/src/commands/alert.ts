import type { Alert } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { listLimit } from '../options.ts';
import { timeText } from '../units.ts';

interface ListOptions {
  limit: number;
  all?: boolean;
  kind?: string;
}

/** Open alerts end with 3, so that a monitor can ask. */
async function list({ client, screen }: Context, _args: string[], options: ListOptions): Promise<number> {
  const state = options.all === true ? undefined : 'open';
  const page = await client.list<Alert>('/alerts', options.limit, { state, kind: options.kind });
  if (screen.json) screen.document(page);
  else {
    screen.table(
      ['RAISED', 'KIND', 'STATE', 'WHAT', 'ID'],
      page.items.map(({ raisedAt, kind, state: is, message, id }) => [
        timeText(raisedAt),
        kind,
        is,
        message,
        id,
      ]),
    );
  }
  return page.items.some((alert) => alert.state === 'open') ? exitCodes.warning : exitCodes.ok;
}

async function show({ client, screen }: Context, args: string[]): Promise<undefined> {
  const alert = await client.get<Alert>(`/alerts/${step(args[0] ?? '')}`);
  if (screen.json) return screen.document(alert);
  screen.facts([
    ['what', alert.message],
    ['what to do', alert.remedy],
    ['kind', alert.kind],
    ['about', alert.about],
    ['state', alert.state],
    ['since', timeText(alert.since)],
    ['raised', timeText(alert.raisedAt)],
    ['over', alert.clearedAt === undefined ? undefined : timeText(alert.clearedAt)],
    ['because', alert.clearedBecause],
  ]);
  for (const detail of alert.details) screen.line(`- ${detail}`);
  return undefined;
}

export function alertCommands(runner: Runner, program: Command): void {
  const alert = program.command('alert').description('alerts: what is wrong and nobody may have noticed');
  const listing = alert
    .command('list')
    .description('list open ones; ends with 3 when there are any')
    .option('--all', 'those that are over as well')
    .addOption(new Option('--kind <kind>', 'only this kind, such as job-overdue'));
  act(runner, listLimit(listing), list);
  act(runner, alert.command('show <id>').description('show one'), show);
}
