import {
  type LedgerLine,
  ledgerActions,
  type PlanLine,
  planActions,
  type RestorePart,
  type RestoreSession,
} from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { UsageError } from '../errors.ts';
import { listLimit } from '../options.ts';
import { bytesText } from '../units.ts';
import { watchRestore } from '../watchRestore.ts';
import { resolveSession } from './restoreSession.ts';

async function plan(
  { client, screen }: Context,
  args: string[],
  { limit, action }: { limit: number; action?: string },
): Promise<undefined> {
  const { id } = await resolveSession(client, args[0] ?? '');
  const page = await client.list<PlanLine>(`/restores/${step(id)}/plan`, limit, { action });
  if (screen.json) return screen.document(page);
  screen.table(
    ['FOLDER', 'SUBJECT', 'SIZE', 'ACTION', 'TO', 'NOTES'],
    page.items.map((line) => [
      line.folderPath,
      line.subject,
      bytesText(line.size),
      line.action,
      line.targetPath,
      [...(line.reason === undefined ? [] : [line.reason]), ...line.notes].join('; '),
    ]),
  );
  if (page.next !== undefined) screen.note('There are more: use --limit.');
}

async function parts(
  { client, screen }: Context,
  args: string[],
  { limit }: { limit: number },
): Promise<undefined> {
  const { id } = await resolveSession(client, args[0] ?? '');
  const page = await client.list<RestorePart>(`/restores/${step(id)}/parts`, limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['MAILBOX', 'TO', 'ITEMS', 'STATE', 'NOTES'],
    page.items.map((part) => [
      part.mailboxAddress,
      [part.targetAddress, ...part.targetFolder].join('/'),
      part.items,
      part.state,
      part.error?.message ?? '',
    ]),
  );
}

async function ledger(
  { client, screen }: Context,
  args: string[],
  { limit, action }: { limit: number; action?: string },
): Promise<undefined> {
  const { id } = await resolveSession(client, args[0] ?? '');
  const page = await client.list<LedgerLine>(`/restores/${step(id)}/ledger`, limit, { action });
  if (screen.json) return screen.document(page);
  screen.table(
    ['FOLDER', 'SUBJECT', 'ACTION', 'READ BACK', 'NOTES'],
    page.items.map((line) => [
      line.folderPath,
      line.subject,
      line.action,
      line.readBack,
      [
        ...(line.note === undefined ? [] : [line.note]),
        ...(line.planned === undefined ? [] : [`planned: ${line.planned}`]),
        ...line.differences.map(({ property }) => `${property} differs`),
        ...line.notRestored.map(({ what, why }) => `${what}: ${why}`),
        ...(line.error === undefined ? [] : [line.error.message]),
      ].join('; '),
    ]),
  );
  if (page.next !== undefined) screen.note('There are more: use --limit.');
}

/** The digest is asked for, so that nobody approves a plan that was never looked at. */
async function approve(
  context: Context,
  args: string[],
  { confirm, watch }: { confirm?: string; watch?: boolean },
): Promise<number | undefined> {
  const { client, screen } = context;
  const { id, plan: made } = await resolveSession(client, args[0] ?? '');
  if (confirm === undefined) {
    const remedy = `Look at it: holdfast restore plan ${id}. Its digest is ${made?.digest ?? 'not there yet'}.`;
    throw new UsageError('give --confirm DIGEST, the digest of the plan', remedy);
  }
  const session = await client.send<RestoreSession>('POST', `/restores/${step(id)}/approve`, { confirm });
  if (watch === true) return watchRestore(context, id);
  if (screen.json) screen.document(session);
  else screen.line(`Approved ${id}. Watch it: holdfast restore watch ${id}`);
  return undefined;
}

const decision =
  (verb: 'pause' | 'resume' | 'cancel', told: (session: RestoreSession) => string) =>
  async ({ client, screen }: Context, args: string[]): Promise<undefined> => {
    const { id } = await resolveSession(client, args[0] ?? '');
    const session = await client.send<RestoreSession>('POST', `/restores/${step(id)}/${verb}`);
    if (screen.json) screen.document(session);
    else screen.line(told(session));
    return undefined;
  };

const whatStays = ({ kind }: RestoreSession): string =>
  kind === 'export' ? 'the volumes that are finished stay' : 'what was put back stays';

/** What a restore means to do and did, and what people decide about it. */
export function restoreDecisionCommands(runner: Runner, restore: Command): void {
  const planning = listLimit(
    restore.command('plan <restore>').description('what it means to do with each item'),
  );
  act(
    runner,
    planning.addOption(new Option('--action <what>', 'only these').choices([...planActions])),
    plan,
  );
  act(runner, listLimit(restore.command('parts <restore>').description('its mailboxes')), parts);
  const results = listLimit(restore.command('ledger <restore>').description('what became of each item'));
  act(
    runner,
    results.addOption(new Option('--action <what>', 'only these').choices([...ledgerActions])),
    ledger,
  );
  const approving = restore
    .command('approve <restore>')
    .description('let a planned one be carried out')
    .option('--confirm <digest>', 'the digest of its plan')
    .option('--watch', 'follow it to its end');
  act(runner, approving, approve);
  const pausing = restore.command('pause <restore>').description('pause it after the items in hand');
  act(
    runner,
    pausing,
    decision('pause', (session) => `Pausing ${session.id}; ${whatStays(session)}.`),
  );
  const resuming = restore.command('resume <restore>').description('go on with a paused one');
  act(
    runner,
    resuming,
    decision('resume', ({ id }) => `${id} goes on.`),
  );
  const cancelling = restore.command('cancel <restore>').description('end it after the items in hand');
  act(
    runner,
    cancelling,
    decision('cancel', (session) => `Cancelling ${session.id}; ${whatStays(session)}.`),
  );
}
