import type { Mailbox, Verification } from '@holdfast/contracts';
import type { Command } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner, readGiven } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { listLimit, wholeNumber } from '../options.ts';
import { type Named, resolveNamed } from '../resolve.ts';
import { readSecret } from '../secrets.ts';
import { timeText } from '../units.ts';

interface Organization extends Named {
  cloud: string;
  tenantId: string;
  clientId: string;
  credential: { kind: string; expiresAt?: string };
  createdAt: string;
  restoreApplication?: { clientId: string; credential: { kind: string; expiresAt?: string } };
  verification?: Verification;
}

interface AddOptions {
  name: string;
  tenant: string;
  clientId: string;
  cloud?: string;
  secretFile?: string;
  certificate?: string;
  key?: string;
  secretExpires?: string;
  restoreClientId?: string;
  restoreSecretFile?: string;
}

interface EditOptions extends Partial<AddOptions> {
  noRestoreApplication?: boolean;
  restoreApplication?: boolean;
}

const resultOf = (verification: Verification | undefined): string => {
  if (verification === undefined) return 'not verified';
  const results = verification.checks.map(({ result }) => result);
  return results.includes('failure') ? 'failure' : results.includes('warning') ? 'warning' : 'success';
};

async function credentialOf({ io }: Context, options: Partial<AddOptions>) {
  if (options.certificate === undefined && options.key === undefined) {
    const source = { what: 'client secret', file: options.secretFile, fileOption: '--secret-file' };
    return { clientSecret: await readSecret(io, { ...source, env: 'HOLDFAST_CLIENT_SECRET' }) };
  }
  if (options.certificate === undefined || options.key === undefined) {
    throw new UsageError('a certificate needs its key', 'Give --certificate FILE and --key FILE.');
  }
  return {
    certificate: {
      certificatePem: readGiven('--certificate', options.certificate),
      privateKeyPem: readGiven('--key', options.key),
    },
  };
}

/** The application for restores, when one is named; its secret comes from a file. */
async function restoreApplicationOf({ io }: Context, options: Partial<AddOptions>) {
  const { restoreClientId: clientId, restoreSecretFile: file } = options;
  if (clientId === undefined && file === undefined) return {};
  if (clientId === undefined || file === undefined) {
    throw new UsageError(
      'the application for restores needs its id and its secret',
      'Give --restore-client-id ID and --restore-secret-file FILE.',
    );
  }
  const what = { what: 'client secret for restores', file, fileOption: '--restore-secret-file' };
  const clientSecret = await readSecret(io, { ...what, env: 'HOLDFAST_RESTORE_CLIENT_SECRET' });
  return { restoreApplication: { clientId, clientSecret } };
}

/** A date alone means its beginning, UTC. */
const endOf = (text: string | undefined) =>
  text === undefined ? {} : { secretExpiresAt: /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text };

async function edit(context: Context, args: string[], options: EditOptions): Promise<number> {
  const { client, screen } = context;
  const { id } = await resolveNamed<Organization>(client, 'organization', args[0]);
  const path = `/organizations/${step(id)}`;
  const { etag } = await client.getTagged<Organization>(path);
  const { name, clientId, cloud } = options;
  const isNewCredential =
    options.secretFile !== undefined || options.certificate !== undefined || options.key !== undefined;
  const body = {
    ...{ name, clientId, cloud },
    ...(isNewCredential ? await credentialOf(context, options) : {}),
    ...endOf(options.secretExpires),
    ...(await restoreApplicationOf(context, options)),
    ...(options.restoreApplication === false ? { restoreApplication: null } : {}),
  };
  if (Object.values(body).every((value) => value === undefined)) {
    throw new UsageError('nothing to change', 'See: holdfast org edit --help');
  }
  const changed = await client.send<Organization>('PATCH', path, body, { 'if-match': etag });
  if (screen.json) screen.document(changed);
  else screen.line(`Changed ${changed.name}. Verify it: holdfast org verify ${changed.id}`);
  return exitCodes.ok;
}

interface Coverage {
  totals: { mailboxes: number; covered: number; uncovered: number };
  items: { address: string; displayName: string; kind: string; jobs: string[]; disabledJobs: string[] }[];
  next?: string;
}

async function coverage(
  { client, screen }: Context,
  args: string[],
  options: { limit: number; show?: string },
): Promise<undefined> {
  const { id } = await resolveNamed(client, 'organization', args[0]);
  const query = { limit: Math.min(options.limit, 1000), show: options.show };
  const found = await client.get<Coverage>(`/organizations/${step(id)}/coverage`, query);
  if (screen.json) return screen.document(found);
  screen.table(
    ['ADDRESS', 'NAME', 'KIND', 'JOBS', 'DISABLED JOBS'],
    found.items.map((item) => [
      ...[item.address, item.displayName, item.kind],
      ...[item.jobs.join(', '), item.disabledJobs.join(', ')],
    ]),
  );
  const { mailboxes, covered, uncovered } = found.totals;
  screen.line(`${mailboxes} mailboxes: ${covered} in enabled jobs, ${uncovered} in none`);
  if (found.next !== undefined) screen.note('There are more: use --limit.');
}

async function groups(
  { client, screen }: Context,
  args: string[],
  options: { search?: string },
): Promise<undefined> {
  const { id } = await resolveNamed(client, 'organization', args[0]);
  const found = await client.get<{ items: { groupId: string; displayName: string; address?: string }[] }>(
    `/organizations/${step(id)}/groups`,
    { search: options.search },
  );
  if (screen.json) return screen.document(found);
  screen.table(
    ['NAME', 'ID', 'ADDRESS'],
    found.items.map((group) => [group.displayName, group.groupId, group.address]),
  );
}

function showChecks({ screen }: Context, verification: Verification): number {
  const rows = verification.checks.map(({ result, name, meaning, remedy, application, mailboxes }) => [
    result,
    application === undefined ? name : `${application}: ${name}`,
    [meaning, mailboxes?.slice(0, 10).join(', '), remedy].filter((text) => text !== undefined).join(' '),
  ]);
  screen.table(['RESULT', 'CHECK', 'MEANING AND REMEDY'], rows);
  return rows.length;
}

async function add(context: Context, _args: string[], options: AddOptions): Promise<number> {
  const { client, screen } = context;
  const { name, tenant: tenantId, clientId, cloud } = options;
  const credential = await credentialOf(context, options);
  const body = {
    ...{ name, tenantId, clientId, cloud, ...credential },
    ...endOf(options.secretExpires),
    ...(await restoreApplicationOf(context, options)),
  };
  const made = await client.send<Organization>('POST', '/organizations', body);
  if (screen.json) screen.document(made);
  else screen.line(`Added ${made.name} (${made.id}). Verify it: holdfast org verify ${made.id}`);
  return exitCodes.ok;
}

async function verify(context: Context, args: string[], options: { mailboxes?: number }): Promise<number> {
  const { client, screen } = context;
  const organization = await resolveNamed(client, 'organization', args[0]);
  const verification = await client.send<Verification>(
    'POST',
    `/organizations/${step(organization.id)}/verify${options.mailboxes === undefined ? '' : `?mailboxes=${options.mailboxes}`}`,
  );
  if (screen.json) screen.document(verification);
  else showChecks(context, verification);
  const result = resultOf(verification);
  return result === 'failure' ? exitCodes.failed : result === 'warning' ? exitCodes.warning : exitCodes.ok;
}

async function list(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<Organization>('/organizations', options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['NAME', 'ID', 'CLOUD', 'TENANT', 'CREDENTIAL', 'VERIFIED'],
    page.items.map((entry) => [
      entry.name,
      entry.id,
      entry.cloud,
      entry.tenantId,
      entry.credential.kind,
      entry.verification === undefined
        ? 'never'
        : `${resultOf(entry.verification)}, ${timeText(entry.verification.at)}`,
    ]),
  );
}

async function show(context: Context, args: string[]): Promise<undefined> {
  const { client, screen } = context;
  const organization = await resolveNamed<Organization>(client, 'organization', args[0]);
  if (screen.json) return screen.document(organization);
  screen.facts([
    ['name', organization.name],
    ['id', organization.id],
    ['cloud', organization.cloud],
    ['tenant', organization.tenantId],
    ['application', organization.clientId],
    ['credential', organization.credential.kind],
    ['expires', timeText(organization.credential.expiresAt)],
    ['restores as', organization.restoreApplication?.clientId],
    ['added', timeText(organization.createdAt)],
    ['verified', timeText(organization.verification?.at)],
  ]);
  if (organization.verification !== undefined) showChecks(context, organization.verification);
}

async function mailboxes(
  { client, screen }: Context,
  args: string[],
  options: { limit: number; search?: string },
): Promise<undefined> {
  const { id } = await resolveNamed(client, 'organization', args[0]);
  const path = `/organizations/${step(id)}/mailboxes`;
  const page = await client.list<Mailbox>(path, options.limit, { search: options.search });
  if (screen.json) return screen.document(page);
  screen.table(
    ['ADDRESS', 'NAME', 'KIND', 'STATUS', 'ID'],
    page.items.map((entry) => [entry.address, entry.displayName, entry.kind, entry.status, entry.id]),
  );
  if (page.items.length === 0 && options.search === undefined)
    screen.note('The directory was not read yet: holdfast org refresh. A run does it by itself.');
  if (page.next !== undefined) screen.note('There are more: use --search or --limit.');
}

async function refresh({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveNamed(client, 'organization', args[0]);
  const numbers = await client.send<{ mailboxes: number; gone: number }>(
    'POST',
    `/organizations/${step(id)}/inventory`,
  );
  if (screen.json) screen.document(numbers);
  else screen.line(`${numbers.mailboxes} mailboxes, ${numbers.gone} gone since the last inventory`);
  return undefined;
}

async function remove({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id, name } = await resolveNamed(client, 'organization', args[0]);
  await client.send('DELETE', `/organizations/${step(id)}`);
  if (screen.json) screen.document({ id, removed: true });
  else screen.line(`Removed ${name}. Its restore points stay in their repositories.`);
  return undefined;
}

export function orgCommands(runner: Runner, program: Command): void {
  const org = program.command('org').description('organizations: tenants whose mailboxes are backed up');
  const adding = org
    .command('add')
    .description('add an organization; the secret comes from a file, HOLDFAST_CLIENT_SECRET or a question')
    .requiredOption('--name <name>', 'its name here')
    .requiredOption('--tenant <id>', 'tenant id or a verified domain')
    .requiredOption('--client-id <id>', 'id of the registered application')
    .option('--cloud <name>', 'global, us-gov-l4, us-gov-l5, china or one of your own')
    .option('--secret-file <file>', 'file with the client secret, - for stdin')
    .option('--certificate <file>', 'certificate of the application, PEM, instead of a secret')
    .option('--key <file>', 'private key of the certificate, PEM')
    .option('--secret-expires <date>', 'when the secret ends, as the portal showed it, such as 2027-01-31')
    .option('--restore-client-id <id>', 'another application that restores sign in as')
    .option('--restore-secret-file <file>', 'file with its client secret');
  act(runner, adding, add);
  const editing = org
    .command('edit <org>')
    .description('change the name, the cloud, an application or its credential')
    .option('--name <name>', 'its name here')
    .option('--client-id <id>', 'id of the registered application')
    .option('--cloud <name>', 'global, us-gov-l4, us-gov-l5, china or one of your own')
    .option('--secret-file <file>', 'file with the client secret, - for stdin')
    .option('--certificate <file>', 'certificate of the application, PEM, instead of a secret')
    .option('--key <file>', 'private key of the certificate, PEM')
    .option('--secret-expires <date>', 'when the secret ends, as the portal showed it')
    .option('--restore-client-id <id>', 'another application that restores sign in as')
    .option('--restore-secret-file <file>', 'file with its client secret')
    .option('--no-restore-application', 'restores sign in as the application of the backups again');
  act(runner, editing, edit);
  const verifying = org
    .command('verify <org>')
    .description('check the connection')
    .option('--mailboxes <n>', 'mailboxes tried at most; 500 by default', wholeNumber);
  act(runner, verifying, verify);
  const covering = org
    .command('coverage [org]')
    .description('who is in no job')
    .option('--show <which>', 'uncovered, covered or all')
    .option('--limit <n>', 'at most', wholeNumber, 100);
  act(runner, covering, coverage);
  const finding = org
    .command('groups [org]')
    .description('find groups of the directory')
    .option('--search <text>', 'beginning of the name');
  act(runner, finding, groups);
  act(runner, listLimit(org.command('list').description('list organizations')), list);
  act(runner, org.command('show [org]').description('show one'), show);
  const boxes = org
    .command('mailboxes [org]')
    .description('list its mailboxes')
    .option('--search <text>', 'parts of the address or the name')
    .option('--limit <n>', 'at most', wholeNumber, 100);
  act(runner, boxes, mailboxes);
  act(runner, org.command('refresh [org]').description('read the directory now'), refresh);
  act(runner, org.command('delete <org>').description('remove one that no job uses'), remove);
}
