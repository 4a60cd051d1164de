import { roles } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { listLimit } from '../options.ts';
import { timeText } from '../units.ts';

interface Proxy {
  id: string;
  pool: string;
  version: string;
  host: string;
  slots: number;
  busy: number;
  mailboxes: string[];
  online: boolean;
  maintenance: boolean;
  lastSeen?: string;
}

interface Token {
  id: string;
  name: string;
  role: string;
  createdAt: string;
}

async function listProxies(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<Proxy>('/proxies', options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['PROXY', 'POOL', 'ONLINE', 'MAINTENANCE', 'LOAD', 'VERSION', 'HOST', 'LAST SEEN', 'MAILBOXES'],
    page.items.map((proxy) => [
      proxy.id,
      proxy.pool,
      proxy.online ? 'yes' : 'no',
      proxy.maintenance ? 'on' : '',
      `${proxy.busy}/${proxy.slots}`,
      proxy.version,
      proxy.host,
      timeText(proxy.lastSeen),
      proxy.mailboxes.join(', '),
    ]),
  );
}

async function addToken(
  { client, screen }: Context,
  args: string[],
  { role }: { role?: string },
): Promise<undefined> {
  const body = { name: args[0], ...(role === undefined ? {} : { role }) };
  const made = await client.send<Token & { token: string }>('POST', '/tokens', body);
  if (screen.json) return screen.document(made);
  screen.line(made.token);
  screen.note('It is shown this once: keep it safe.');
}

async function listTokens(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<Token>('/tokens', options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['NAME', 'ROLE', 'ID', 'MADE'],
    page.items.map((token) => [token.name, token.role, token.id, timeText(token.createdAt)]),
  );
}

async function removeToken({ client, screen }: Context, args: string[]): Promise<undefined> {
  await client.send('DELETE', `/tokens/${step(args[0] ?? '')}`);
  if (screen.json) screen.document({ id: args[0], removed: true });
  else screen.line(`Removed ${args[0]}.`);
  return undefined;
}

async function whoAmI({ client, screen }: Context): Promise<undefined> {
  const caller = await client.get<{ tokenId: string; name: string; role: string }>('/whoami');
  const version = await client.get<{ version: string }>('/version');
  const facts = { ...caller, ...version, url: client.url };
  if (screen.json) return screen.document(facts);
  screen.facts(Object.entries(facts));
}

interface AuditLine {
  at: string;
  by: string;
  role: string;
  operation: string;
  path: string;
  status?: number;
}

async function listAudit(
  { client, screen }: Context,
  _args: string[],
  { limit, ...filters }: { limit: number; by?: string; operation?: string; since?: string },
): Promise<undefined> {
  const page = await client.list<AuditLine>('/audit', limit, filters);
  if (screen.json) return screen.document(page);
  screen.table(
    ['TIME', 'BY', 'ROLE', 'OPERATION', 'WHAT', 'STATUS'],
    page.items.map((line) => [timeText(line.at), line.by, line.role, line.operation, line.path, line.status]),
  );
}

export function systemCommands(runner: Runner, program: Command): void {
  const audit = program.command('audit').description('who changed, restored or exported what');
  const auditing = listLimit(audit.command('list').description('list, newest first'))
    .option('--by <name>', 'only what this token asked for')
    .option('--operation <operation>', 'only this operation, such as addJob')
    .option('--since <time>', 'only at this time or later');
  act(runner, auditing, listAudit);
  const proxy = program.command('proxy').description('proxies: the workers that back up');
  act(runner, listLimit(proxy.command('list').description('list them with their load')), listProxies);
  const token = program.command('token').description('tokens of the API');
  const adding = token
    .command('add <name>')
    .description('make one; it is shown once')
    .addOption(new Option('--role <role>', 'what it may do; administrator by default').choices([...roles]));
  act(runner, adding, addToken);
  act(runner, listLimit(token.command('list').description('list them')), listTokens);
  act(runner, token.command('delete <id>').description('make one useless'), removeToken);
  act(runner, program.command('whoami').description('the token, the address and the version in use'), whoAmI);
}
