import { conflictPolicies, type RestoreSession, restoreScopes, restoreStates } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import type { Client } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { listLimit } from '../options.ts';
import { resolveNamed } from '../resolve.ts';
import { timeText } from '../units.ts';
import { mailboxText, showRestore, watchRestore, whatText } from '../watchRestore.ts';
import { restoreDecisionCommands } from './restoreDecisions.ts';
import { type SelectionOptions, selectedOf, selectionOptions } from './restoreSelection.ts';
import { resolveSession } from './restoreSession.ts';

interface StartOptions extends SelectionOptions {
  to?: string;
  toOrg?: string;
  into?: string;
  onConflict?: string;
  only?: string;
  read: boolean;
  flags: boolean;
  categories: boolean;
  plan?: boolean;
  confirm?: string;
  watch?: boolean;
  key?: string;
}

async function targetOf(client: Client, options: StartOptions): Promise<object> {
  const organization =
    options.toOrg === undefined ? undefined : await resolveNamed(client, 'organization', options.toOrg);
  return {
    ...(organization === undefined ? {} : { organizationId: organization.id }),
    ...(options.to === undefined ? {} : { mailboxAddress: options.to }),
    ...(options.into === undefined ? {} : { folderPath: options.into }),
  };
}

async function start(context: Context, _args: string[], options: StartOptions): Promise<number> {
  const { client, screen } = context;
  const { onConflict, only, confirm } = options;
  const body = {
    ...(await selectedOf(client, options)),
    target: await targetOf(client, options),
    ...(onConflict === undefined ? {} : { onConflict }),
    ...(only === undefined ? {} : { only }),
    ...(confirm === undefined ? {} : { confirm }),
    keep: { readState: options.read, flags: options.flags, categories: options.categories },
    ...(options.plan === true ? { approve: false } : {}),
  };
  const headers = options.key === undefined ? {} : { 'idempotency-key': options.key };
  const session = await client.send<RestoreSession>('POST', '/restores', body, headers);
  if (options.watch === true) return watchRestore(context, session.id);
  if (screen.json) screen.document(session);
  else screen.line(`Requested ${session.id}. Watch it: holdfast restore watch ${session.id}`);
  return exitCodes.ok;
}

async function watch(context: Context, args: string[]): Promise<number> {
  const session = await resolveSession(context.client, args[0] ?? '');
  return watchRestore(context, session.id);
}

async function list(
  { client, screen }: Context,
  _args: string[],
  { limit, ...filters }: { state?: string; by?: string; since?: string; limit: number },
): Promise<undefined> {
  const { state, by: requestedBy, since } = filters;
  const page = await client.list<RestoreSession>('/restores', limit, { state, requestedBy, since });
  if (screen.json) return screen.document(page);
  screen.table(
    ['RESTORE', 'STATE', 'MAILBOX', 'WHAT', 'TO', 'AS OF', 'ITEMS', 'ASKED BY', 'REQUESTED'],
    page.items.map((session) => [
      session.id,
      session.state,
      mailboxText(session),
      whatText(session),
      session.kind === 'export' ? `files (${session.exportOptions?.format ?? ''})` : session.targetAddress,
      timeText(session.pointTime),
      `${session.progress.itemsDone}/${session.progress.itemsTotal}`,
      session.requestedBy,
      timeText(session.requestedAt),
    ]),
  );
}

async function show(context: Context, args: string[]): Promise<undefined> {
  const session = await resolveSession(context.client, args[0] ?? '');
  if (context.screen.json) context.screen.document(session);
  else showRestore(context, session);
  return undefined;
}

export function restoreCommands(runner: Runner, program: Command): void {
  const restore = program
    .command('restore')
    .description('put things back; name a restore by its id, or latest');
  const planned =
    'restore mailboxes, folders or items; it is planned first, sends nothing, and makes no duplicates';
  const starting = selectionOptions(restore.command('start').description(planned))
    .option('--to <address>', 'another mailbox')
    .option('--to-org <org>', 'of another organization')
    .option('--into <path>', 'below this folder of the target, made when missing')
    .addOption(
      new Option('--on-conflict <what>', 'what happens to an item that is there').choices([
        ...conflictPolicies,
      ]),
    )
    .addOption(new Option('--only <which>', 'not all items').choices([...restoreScopes]))
    .option('--no-read', 'restored items are unread')
    .option('--no-flags', 'restored items have no flag')
    .option('--no-categories', 'restored items have no categories')
    .option('--plan', 'only plan it; it waits for: holdfast restore approve')
    .option('--confirm <digest>', 'the digest of a plan that was looked at: with this very plan it goes on')
    .option('--watch', 'follow it to its end, or to where it waits')
    .option('--key <text>', 'a repeat with the same key makes no second restore');
  act(runner, starting, start);
  act(runner, restore.command('watch <restore>').description('follow it to its end'), watch);
  const listing = listLimit(restore.command('list').description('list restores, newest first'))
    .addOption(new Option('--state <state>', 'only in this state').choices([...restoreStates]))
    .option('--by <name>', 'only those that this token asked for')
    .option('--since <time>', 'only those asked for at this time or later');
  act(runner, listing, list);
  act(runner, restore.command('show <restore>').description('show one'), show);
  restoreDecisionCommands(runner, restore);
}
