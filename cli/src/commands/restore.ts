import { readFile } from 'node:fs/promises';
import {
  conflictPolicies,
  type RestorePointRecord,
  type RestoreSession,
  restoreScopes,
  restoreStates,
} from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import type { Client } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, listLimit } from '../options.ts';
import { resolveMailbox, resolveNamed, resolvePoint } from '../resolve.ts';
import { timeText } from '../units.ts';
import { mailboxText, showRestore, watchRestore } from '../watchRestore.ts';
import { restoreDecisionCommands } from './restoreDecisions.ts';
import { resolveSession } from './restoreSession.ts';

interface StartOptions {
  mailbox: string[];
  org?: string;
  repo?: string;
  point?: string;
  folder: string[];
  subfolders: boolean;
  item: string[];
  itemsFile?: string;
  asOf?: string;
  to?: string;
  toOrg?: string;
  into?: string;
  onConflict?: string;
  only?: string;
  read: boolean;
  flags: boolean;
  categories: boolean;
  recoverable?: boolean;
  plan?: boolean;
  confirm?: string;
  watch?: boolean;
  key?: string;
}

function selectionOf(options: StartOptions): object {
  if (options.folder.length > 0 && options.item.length > 0)
    throw new UsageError('give --folder or --item, not both');
  if (options.folder.length > 0) {
    return { kind: 'folders', folders: options.folder, withSubfolders: options.subfolders };
  }
  if (options.item.length === 0) return { kind: 'mailbox' };
  const items = options.item.map((text) => {
    const slash = text.indexOf('/');
    if (slash < 1)
      throw new UsageError(`--item "${text}" must be FOLDER-ID/ITEM-KEY, as point items shows them`);
    return { folderId: text.slice(0, slash), itemKey: text.slice(slash + 1) };
  });
  return { kind: 'items', items };
}

/** Items that a search has found, as it printed them with --json: a list, or an object with `items`. */
async function searchSelection(file: string): Promise<object> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`--items-file: ${file} cannot be read (${error.message})`);
  });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new UsageError(`--items-file: ${file} is no JSON`);
  }
  const found = Array.isArray(document) ? document : (document as { items?: unknown }).items;
  if (!Array.isArray(found)) throw new UsageError(`--items-file: ${file} has no list of items`);
  const items = (found as Record<string, unknown>[]).map(({ mailboxId, pointId, folderId, itemKey }) => ({
    ...{ mailboxId, folderId, itemKey },
    ...(pointId === undefined ? {} : { pointId }),
  }));
  return { kind: 'search', items };
}

/** Mailboxes, repository and point from what is given; a point names all three. */
async function placeOf(client: Client, options: StartOptions): Promise<object> {
  if (options.point !== undefined) {
    const point: RestorePointRecord = await resolvePoint(client, options.point, {
      organization: options.org,
      repository: options.repo,
    });
    return { mailboxId: point.mailboxId, repositoryId: point.repositoryId, pointId: point.pointId };
  }
  const repository = async () => (await resolveNamed(client, 'repository', options.repo)).id;
  if (options.itemsFile !== undefined) return { repositoryId: await repository() };
  const mailboxes: string[] = [];
  for (const address of options.mailbox)
    mailboxes.push((await resolveMailbox(client, address, options.org)).id);
  const [mailboxId, ...others] = mailboxes;
  if (mailboxId === undefined)
    throw new UsageError('give --mailbox ADDRESS, --point ID, or --items-file FILE');
  if (others.length === 0) return { mailboxId, repositoryId: await repository() };
  return { sources: mailboxes.map((id) => ({ mailboxId: id })), repositoryId: await repository() };
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
  const selection =
    options.itemsFile === undefined ? selectionOf(options) : await searchSelection(options.itemsFile);
  const { asOf, onConflict, only, confirm } = options;
  const body = {
    ...(await placeOf(client, options)),
    ...{ selection, target: await targetOf(client, options) },
    ...(asOf === undefined ? {} : { asOf }),
    ...(onConflict === undefined ? {} : { onConflict }),
    ...(only === undefined ? {} : { only }),
    ...(confirm === undefined ? {} : { confirm }),
    keep: { readState: options.read, flags: options.flags, categories: options.categories },
    ...(options.recoverable === true ? { includeRecoverable: true } : {}),
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
    ['RESTORE', 'STATE', 'MAILBOX', 'TO', 'AS OF', 'ITEMS', 'ASKED BY', 'REQUESTED'],
    page.items.map((session) => [
      session.id,
      session.state,
      mailboxText(session),
      session.targetAddress,
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
  const starting = restore
    .command('start')
    .description(
      'restore mailboxes, folders or items; it is planned first, sends nothing, and makes no duplicates',
    )
    .option('--mailbox <address>', 'the mailbox that was backed up (repeat for more)', collect, [])
    .option('--org <org>', 'its organization, when several have the address')
    .option('--repo <repo>', 'repository, when there are several')
    .option('--point <point>', 'restore point; the newest complete one by default')
    .option('--as-of <time>', 'the newest restore point that is not younger, such as 2026-03-01T00:00:00Z')
    .option('--folder <path>', 'only this folder, by path or id (repeat for more)', collect, [])
    .option('--no-subfolders', 'not what is below the folders')
    .option('--item <folder/key>', 'only this item (repeat for more)', collect, [])
    .option('--items-file <file>', 'the items in this JSON file, as a search prints them')
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
    .option('--recoverable', 'Recoverable Items as well')
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
