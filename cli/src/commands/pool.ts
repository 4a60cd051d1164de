import type { Command } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { UsageError } from '../errors.ts';
import { collect } from '../options.ts';
import { resolveNamed } from '../resolve.ts';

interface Pool {
  pool: string;
  description: string;
  organizationIds?: string[];
  repositoryIds?: string[];
  proxiesOnline: number;
  proxiesInMaintenance: number;
  slots: number;
  busy: number;
}

const servedText = (ids: string[] | undefined): string => (ids === undefined ? 'all' : ids.join(', '));

async function list({ client, screen }: Context): Promise<undefined> {
  const found = await client.get<{ items: Pool[] }>('/pools');
  if (screen.json) return screen.document(found);
  screen.table(
    ['POOL', 'PROXIES', 'MAINTENANCE', 'LOAD', 'ORGANIZATIONS', 'REPOSITORIES', 'DESCRIPTION'],
    found.items.map((pool) => [
      ...[pool.pool, pool.proxiesOnline, pool.proxiesInMaintenance, `${pool.busy}/${pool.slots}`],
      ...[servedText(pool.organizationIds), servedText(pool.repositoryIds), pool.description],
    ]),
  );
}

async function set(
  { client, screen }: Context,
  args: string[],
  options: { description?: string; org: string[]; repo: string[] },
): Promise<undefined> {
  const ids = async (kind: 'organization' | 'repository', given: string[]) => {
    if (given.length === 0) return undefined;
    return Promise.all(given.map(async (name) => (await resolveNamed(client, kind, name)).id));
  };
  const body = {
    description: options.description,
    organizationIds: await ids('organization', options.org),
    repositoryIds: await ids('repository', options.repo),
  };
  const pool = await client.send<{ id: string }>('PUT', `/pools/${step(args[0] ?? '')}`, body);
  if (screen.json) return screen.document(pool);
  screen.line(
    `Pool ${pool.id} serves ${options.org.length === 0 ? 'all organizations' : options.org.join(', ')}, ` +
      `${options.repo.length === 0 ? 'all repositories' : options.repo.join(', ')}.`,
  );
}

async function remove({ client, screen }: Context, args: string[]): Promise<undefined> {
  await client.send('DELETE', `/pools/${step(args[0] ?? '')}`);
  if (screen.json) return screen.document({ id: args[0], removed: true });
  screen.line(`Removed what was set of ${args[0]}.`);
}

async function maintenance({ client, screen }: Context, args: string[]): Promise<undefined> {
  const [id = '', text] = args;
  if (text !== 'on' && text !== 'off')
    throw new UsageError('say on or off', 'holdfast proxy maintenance ID on');
  const proxy = await client.send<{ busy: number }>('PUT', `/proxies/${step(id)}/maintenance`, {
    on: text === 'on',
  });
  if (screen.json) return screen.document(proxy);
  screen.line(
    text === 'on'
      ? `${id} takes no new mailbox; ${proxy.busy} are still at work. See: holdfast proxy list`
      : `${id} takes mailboxes again.`,
  );
}

/** Pools, and what is done to single proxies; `proxy list` is with the system commands. */
export function poolCommands(runner: Runner, program: Command): void {
  const pool = program.command('pool').description('pools: which workers serve what');
  act(runner, pool.command('list').description('list them with their load'), list);
  const setting = pool
    .command('set <pool>')
    .description('say what it serves; everything that is not named is not served')
    .option('--description <text>', 'for people')
    .option('--org <org>', 'organization it serves (repeat for more); all when none is given', collect, [])
    .option('--repo <repo>', 'repository it serves (repeat for more); all when none is given', collect, []);
  act(runner, setting, set);
  act(runner, pool.command('delete <pool>').description('forget what was set of it'), remove);
  const proxy = program.commands.find((command) => command.name() === 'proxy');
  if (proxy === undefined) throw new TypeError('the proxy commands come first');
  const maintaining = proxy
    .command('maintenance <proxy> <on|off>')
    .description('finish what it has and take nothing new, or go on');
  act(runner, maintaining, maintenance);
}
