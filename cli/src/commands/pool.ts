import type { Command } from 'commander';
import { type Client, step } from '../client.ts';
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

interface Names {
  organizations: Map<string, string>;
  repositories: Map<string, string>;
}

async function namesOf(client: Client): Promise<Names> {
  const names = async (path: string) => {
    const found = new Map<string, string>();
    for await (const { id, name } of client.each<{ id: string; name: string }>(path)) found.set(id, name);
    return found;
  };
  return { organizations: await names('/organizations'), repositories: await names('/repositories') };
}

const servedText = (ids: readonly string[] | undefined, names: Map<string, string>): string =>
  ids === undefined ? 'all' : ids.map((id) => names.get(id) ?? id).join(', ');

async function list({ client, screen }: Context): Promise<undefined> {
  const found = await client.get<{ items: Pool[] }>('/pools');
  if (screen.json) return screen.document(found);
  const { organizations, repositories } = await namesOf(client);
  screen.table(
    ['POOL', 'PROXIES', 'MAINTENANCE', 'LOAD', 'ORGANIZATIONS', 'REPOSITORIES', 'DESCRIPTION'],
    found.items.map((pool) => [
      ...[pool.pool, pool.proxiesOnline, pool.proxiesInMaintenance, `${pool.busy}/${pool.slots}`],
      servedText(pool.organizationIds, organizations),
      servedText(pool.repositoryIds, repositories),
      pool.description,
    ]),
  );
}

/** Sets what is given and keeps the rest; `all` lifts a restriction. */
async function set(
  { client, screen }: Context,
  args: string[],
  options: { description?: string; org: string[]; repo: string[] },
): Promise<undefined> {
  const name = args[0] ?? '';
  const { items } = await client.get<{ items: Pool[] }>('/pools');
  const before = items.find(({ pool }) => pool === name);
  const ids = async (kind: 'organization' | 'repository', given: string[], kept: string[] | undefined) => {
    if (given.length === 0) return kept;
    if (given.includes('all')) return undefined;
    return Promise.all(given.map(async (one) => (await resolveNamed(client, kind, one)).id));
  };
  const pool = await client.send<Pool & { id: string }>('PUT', `/pools/${step(name)}`, {
    description: options.description ?? before?.description,
    organizationIds: await ids('organization', options.org, before?.organizationIds),
    repositoryIds: await ids('repository', options.repo, before?.repositoryIds),
  });
  if (screen.json) return screen.document(pool);
  const { organizations, repositories } = await namesOf(client);
  const org = pool.organizationIds && servedText(pool.organizationIds, organizations);
  const repo = pool.repositoryIds && servedText(pool.repositoryIds, repositories);
  screen.line(`Pool ${pool.id} serves ${org ?? 'all organizations'}, ${repo ?? 'all repositories'}.`);
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
    .description('say what it serves, and keep what is not given; a new one serves all')
    .option('--description <text>', 'for people')
    .option('--org <org>', 'organization it serves (repeat for more), or all', collect, [])
    .option('--repo <repo>', 'repository it serves (repeat for more), or all', collect, []);
  act(runner, setting, set);
  act(runner, pool.command('delete <pool>').description('forget what was set of it'), remove);
  const proxy = program.commands.find((command) => command.name() === 'proxy');
  if (proxy === undefined) throw new TypeError('the proxy commands come first');
  const maintaining = proxy
    .command('maintenance <proxy> <on|off>')
    .description('finish what it has and take nothing new, or go on');
  act(runner, maintaining, maintenance);
}
