import type { Notification } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { parse as parseYaml } from 'yaml';
import { step } from '../client.ts';
import { act, type Context, type Runner, readGiven } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, wholeNumber } from '../options.ts';
import { readSecret } from '../secrets.ts';

interface Settings {
  mail?: {
    host: string;
    port: number;
    security: string;
    user?: string;
    from: string;
    recipients: string[];
    on: string[];
    passwordSet?: boolean;
  };
  baseUrl?: string;
}

interface SetOptions {
  file?: string;
  mailHost?: string;
  mailPort?: number;
  mailSecurity?: string;
  mailUser?: string;
  mailPasswordFile?: string;
  mailFrom?: string;
  mailTo: string[];
  mailOn: string[];
  baseUrl?: string;
}

function showSettings({ screen }: Context, settings: Settings): undefined {
  if (screen.json) return screen.document(settings);
  const { mail } = settings;
  screen.facts([
    ['mail server', mail === undefined ? 'none' : `${mail.host}:${mail.port} (${mail.security})`],
    ['user', mail?.user],
    ['password', mail === undefined ? undefined : mail.passwordSet === true ? 'kept' : 'none'],
    ['from', mail?.from],
    ['recipients', mail?.recipients.join('; ')],
    ['reports', mail?.on.join(', ')],
    ['base address', settings.baseUrl],
  ]);
}

async function show(context: Context): Promise<undefined> {
  return showSettings(context, await context.client.get<Settings>('/settings'));
}

function fromFile(file: string): Record<string, unknown> {
  const parsed: unknown = parseYaml(readGiven('--file', file), { maxAliasCount: 20 });
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new UsageError(`${file} must hold settings`);
  }
  return { ...parsed };
}

/** What is set now, with what is given over it. */
async function set(context: Context, _args: string[], options: SetOptions): Promise<undefined> {
  const { client, io } = context;
  const now = await client.get<Settings>('/settings');
  const { passwordSet: _kept, ...mailNow } = now.mail ?? {};
  const password =
    options.mailPasswordFile === undefined
      ? io.env.HOLDFAST_MAIL_PASSWORD
      : await readSecret(io, {
          what: 'mail password',
          file: options.mailPasswordFile,
          fileOption: '--mail-password-file',
          env: 'HOLDFAST_MAIL_PASSWORD',
        });
  const given = Object.entries({
    host: options.mailHost,
    port: options.mailPort,
    security: options.mailSecurity,
    user: options.mailUser,
    from: options.mailFrom,
    recipients: options.mailTo.length === 0 ? undefined : options.mailTo,
    on: options.mailOn.length === 0 ? undefined : options.mailOn,
    password,
  }).filter(([, value]) => value !== undefined);
  const mail = { ...mailNow, ...Object.fromEntries(given) };
  const baseUrl = options.baseUrl ?? now.baseUrl;
  const body =
    options.file === undefined
      ? {
          ...(Object.keys(mail).length === 0 ? {} : { mail }),
          ...(baseUrl === undefined ? {} : { baseUrl }),
        }
      : fromFile(options.file);
  return showSettings(context, await client.send<Settings>('PUT', '/settings', body));
}

const testPatienceMs = 60_000;
const pauseMs = 500;

async function testMail(context: Context, _args: string[], options: { to: string[] }): Promise<number> {
  const { client, io, screen } = context;
  const body = options.to.length === 0 ? {} : { recipients: options.to };
  const made = await client.send<Notification>('POST', '/settings/mail/test', body);
  const limit = io.now() + testPatienceMs;
  for (;;) {
    const now = await client.get<Notification>(`/notifications/${step(made.id)}`);
    const over = now.state !== 'pending' || io.now() > limit;
    if (over) {
      if (screen.json) screen.document(now);
      else screen.line(`${screen.mark(now.state)} to ${now.recipients.join('; ')}`);
      if (now.error !== undefined) screen.note(`${now.error.message} ${now.error.remedy ?? ''}`);
      return now.state === 'sent' ? exitCodes.ok : exitCodes.failed;
    }
    await io.sleep(pauseMs);
  }
}

export function settingsCommands(runner: Runner, program: Command): void {
  const settings = program.command('settings').description('global settings');
  act(runner, settings.command('show').description('show them; passwords are never shown'), show);
  const setting = settings
    .command('set')
    .description('change what is given, keep the rest; the mail password also from HOLDFAST_MAIL_PASSWORD')
    .option('-f, --file <file>', 'YAML with all settings, instead of flags')
    .option('--mail-host <host>', 'mail server')
    .addOption(new Option('--mail-port <port>', 'its port').argParser(wholeNumber))
    .addOption(new Option('--mail-security <kind>', 'of the connection').choices(['none', 'starttls', 'tls']))
    .option('--mail-user <user>', 'signs in as')
    .option('--mail-password-file <file>', 'file with the password, - for stdin')
    .option('--mail-from <address>', 'sender of reports')
    .option('--mail-to <address>', 'gets reports (repeat for more)', collect, [])
    .option('--mail-on <outcome>', 'is reported: success, warning, failed, stopped (repeat)', collect, [])
    .option('--base-url <url>', 'address of the console, for links in reports');
  act(runner, setting, set);
  const testing = settings
    .command('test-mail')
    .description('send a test message and wait for the result')
    .option(
      '--to <address>',
      'to this address (repeat for more); the recipients of reports by default',
      collect,
      [],
    );
  act(runner, testing, testMail);
}
