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
}

const resultOf = (verification: Verification | undefined): string => {
  if (verification === undefined) return 'not verified';
  const results = verification.checks.map(({ result }) => result);
  return results.includes('failure') ? 'failure' : results.includes('warning') ? 'warning' : 'success';
};

async function credentialOf({ io }: Context, options: AddOptions) {
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

function showChecks({ screen }: Context, verification: Verification): number {
  const rows = verification.checks.map(({ result, name, meaning, remedy }) => [
    result,
    name,
    remedy === undefined ? meaning : `${meaning} ${remedy}`,
  ]);
  screen.table(['RESULT', 'CHECK', 'MEANING AND REMEDY'], rows);
  return rows.length;
}

async function add(context: Context, _args: string[], options: AddOptions): Promise<number> {
  const { client, screen } = context;
  const { name, tenant: tenantId, clientId, cloud } = options;
  const credential = await credentialOf(context, options);
  const body = { name, tenantId, clientId, ...(cloud === undefined ? {} : { cloud }), ...credential };
  const made = await client.send<Organization>('POST', '/organizations', body);
  if (screen.json) screen.document(made);
  else screen.line(`Added ${made.name} (${made.id}). Verify it: holdfast org verify ${made.id}`);
  return exitCodes.ok;
}

async function verify(context: Context, args: string[]): Promise<number> {
  const { client, screen } = context;
  const organization = await resolveNamed(client, 'organization', args[0]);
  const verification = await client.send<Verification>(
    'POST',
    `/organizations/${step(organization.id)}/verify`,
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
    .option('--key <file>', 'private key of the certificate, PEM');
  act(runner, adding, add);
  act(runner, org.command('verify <org>').description('check the connection'), verify);
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
