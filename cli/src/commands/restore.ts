import {
  type LedgerLine,
  type RestorePointRecord,
  type RestoreSession,
  restoreStates,
} from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { type Client, step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, listLimit } from '../options.ts';
import { resolveMailbox, resolveNamed, resolvePoint } from '../resolve.ts';
import { timeText } from '../units.ts';
import { showRestore, watchRestore } from '../watchRestore.ts';

interface StartOptions {
  mailbox?: string;
  org?: string;
  repo?: string;
  point?: string;
  folder: string[];
  subfolders: boolean;
  item: string[];
  to?: string;
  into?: string;
  onConflict?: string;
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

/** Mailbox, repository and point from what is given; a point names all three. */
async function placeOf(client: Client, options: StartOptions) {
  if (options.point !== undefined) {
    const point: RestorePointRecord = await resolvePoint(client, options.point, {
      organization: options.org,
      repository: options.repo,
    });
    return { mailboxId: point.mailboxId, repositoryId: point.repositoryId, pointId: point.pointId };
  }
  if (options.mailbox === undefined) throw new UsageError('give --mailbox ADDRESS, or --point ID');
  const mailbox = await resolveMailbox(client, options.mailbox, options.org);
  const repository = await resolveNamed(client, 'repository', options.repo);
  return { mailboxId: mailbox.id, repositoryId: repository.id };
}

async function start(context: Context, _args: string[], options: StartOptions): Promise<number> {
  const { client, screen } = context;
  const selection = selectionOf(options);
  const place = await placeOf(client, options);
  const target = {
    ...(options.to === undefined ? {} : { mailboxAddress: options.to }),
    ...(options.into === undefined ? {} : { folderPath: options.into }),
  };
  const onConflict = options.onConflict === undefined ? {} : { onConflict: options.onConflict };
  const headers = options.key === undefined ? {} : { 'idempotency-key': options.key };
  const body = { ...place, selection, target, ...onConflict };
  const session = await client.send<RestoreSession>('POST', '/restores', body, headers);
  if (options.watch === true) return watchRestore(context, session.id);
  if (screen.json) screen.document(session);
  else screen.line(`Requested ${session.id}. Watch it: holdfast restore watch ${session.id}`);
  return exitCodes.ok;
}

/** A session by its id, or the newest one for `latest`. */
async function resolveSession(client: Client, given: string): Promise<RestoreSession> {
  if (given !== 'latest') return client.get<RestoreSession>(`/restores/${step(given)}`);
  const [newest] = (await client.list<RestoreSession>('/restores', 1)).items;
  if (newest === undefined) throw new UsageError('there is no restore yet');
  return newest;
}

async function watch(context: Context, args: string[]): Promise<number> {
  const session = await resolveSession(context.client, args[0] ?? '');
  return watchRestore(context, session.id);
}

async function list(
  { client, screen }: Context,
  _args: string[],
  options: { state?: string; limit: number },
): Promise<undefined> {
  const page = await client.list<RestoreSession>('/restores', options.limit, { state: options.state });
  if (screen.json) return screen.document(page);
  screen.table(
    ['RESTORE', 'STATE', 'MAILBOX', 'TO', 'AS OF', 'ITEMS', 'ASKED BY', 'REQUESTED'],
    page.items.map((session) => [
      session.id,
      session.state,
      session.mailboxAddress,
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

async function ledger(
  { client, screen }: Context,
  args: string[],
  options: { limit: number },
): Promise<undefined> {
  const { id } = await resolveSession(client, args[0] ?? '');
  const page = await client.list<LedgerLine>(`/restores/${step(id)}/ledger`, options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['FOLDER', 'SUBJECT', 'ACTION', 'READ BACK', 'NOTES'],
    page.items.map((line) => [
      line.folderPath,
      line.subject,
      line.action,
      line.readBack,
      [
        ...line.differences.map(({ property }) => `${property} differs`),
        ...line.notRestored.map(({ what, why }) => `${what}: ${why}`),
        ...(line.error === undefined ? [] : [line.error.message]),
      ].join('; '),
    ]),
  );
  if (page.next !== undefined) screen.note('There are more: use --limit.');
}

async function cancel({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveSession(client, args[0] ?? '');
  const session = await client.send<RestoreSession>('POST', `/restores/${step(id)}/cancel`);
  if (screen.json) screen.document(session);
  else screen.line(`Cancelling ${id}; what was put back stays.`);
  return undefined;
}

export function restoreCommands(runner: Runner, program: Command): void {
  const restore = program
    .command('restore')
    .description('put things back; name a restore by its id, or latest');
  const starting = restore
    .command('start')
    .description(
      'restore a mailbox, folders or items; sends nothing, overwrites nothing, makes no duplicates',
    )
    .option('--mailbox <address>', 'the mailbox that was backed up')
    .option('--org <org>', 'its organization, when several have the address')
    .option('--repo <repo>', 'repository, when there are several')
    .option('--point <point>', 'restore point; the newest complete one by default')
    .option('--folder <path>', 'only this folder, by path or id (repeat for more)', collect, [])
    .option('--no-subfolders', 'not what is below the folders')
    .option('--item <folder/key>', 'only this item (repeat for more)', collect, [])
    .option('--to <address>', 'another mailbox of the organization')
    .option('--into <path>', 'below this folder of the target, made when missing')
    .addOption(
      new Option('--on-conflict <what>', 'what happens to an item that is there').choices(['skip', 'rename']),
    )
    .option('--watch', 'follow it to its end')
    .option('--key <text>', 'a repeat with the same key makes no second restore');
  act(runner, starting, start);
  act(runner, restore.command('watch <restore>').description('follow it to its end'), watch);
  const listing = listLimit(restore.command('list').description('list restores, newest first')).addOption(
    new Option('--state <state>', 'only in this state').choices([...restoreStates]),
  );
  act(runner, listing, list);
  act(runner, restore.command('show <restore>').description('show one'), show);
  act(runner, listLimit(restore.command('ledger <restore>').description('what became of each item')), ledger);
  act(runner, restore.command('cancel <restore>').description('end it after the item in hand'), cancel);
}
