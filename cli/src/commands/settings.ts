import type { AlertKind, AlertSettings, MailOauth, MailSettings, Notification } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { parse as parseYaml } from 'yaml';
import { step } from '../client.ts';
import { act, type Context, type Runner, readGiven } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, wholeNumber } from '../options.ts';
import { readSecret } from '../secrets.ts';
import { excludeCommand } from './settingsExclude.ts';

/** The settings as the API shows them. */
interface Settings {
  mail?: Omit<MailSettings, 'sealedPassword' | 'changedAt' | 'oauth'> & {
    passwordSet?: boolean;
    oauth?: Omit<MailOauth, 'sealedClientSecret'>;
  };
  alerts: AlertSettings;
  webhooks: { allowPrivateNetworks: boolean };
  baseUrl?: string;
}

function showSettings({ screen }: Context, settings: Settings): undefined {
  if (screen.json) return screen.document(settings);
  const { mail } = settings;
  screen.facts([
    ['mail server', mail === undefined ? 'none' : `${mail.host}:${mail.port} (${mail.security})`],
    ['mail', mail === undefined ? undefined : mail.enabled ? 'on' : 'off'],
    ['user', mail?.user],
    ['password', passwordText(mail)],
    ['signs in with', oauthText(mail?.oauth)],
    ['from', mail?.from],
    ['recipients', mail?.recipients.join('; ')],
    ['reports', mail?.on.join(', ')],
    ['subject', mail?.subject],
    ['details as CSV', mail === undefined ? undefined : mail.attachDetails ? 'yes' : 'no'],
    [
      'digest',
      mail?.digest === undefined ? undefined : `daily at ${mail.digest.time} ${mail.digest.timeZone}`,
    ],
    [
      'webhooks',
      settings.webhooks.allowPrivateNetworks
        ? 'may go to private networks'
        : 'public addresses and this machine',
    ],
    ['base address', settings.baseUrl],
  ]);
}

type ShownMail = Settings['mail'];

function passwordText(mail: ShownMail): string | undefined {
  if (mail === undefined || mail.oauth !== undefined) return undefined;
  return mail.passwordSet === true ? 'kept' : 'none';
}

const oauthText = (oauth: NonNullable<ShownMail>['oauth']): string | undefined =>
  oauth && `a token for the application ${oauth.clientId} of ${oauth.tenantId} (${oauth.cloud})`;

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

interface SetOptions {
  file?: string;
  baseUrl?: string;
  webhooksToPrivate?: string;
}

/** All settings from a file, or what is set now with what is given over it. */
async function set(context: Context, _args: string[], options: SetOptions): Promise<undefined> {
  const { client } = context;
  if (options.file !== undefined) {
    return showSettings(context, await client.send<Settings>('PUT', '/settings', fromFile(options.file)));
  }
  const { mail, ...rest } = await client.get<Settings>('/settings');
  const { passwordSet: _kept, ...kept } = mail ?? {};
  const body = {
    ...rest,
    ...(mail === undefined ? {} : { mail: kept }),
    ...(options.baseUrl === undefined ? {} : { baseUrl: options.baseUrl }),
    ...(options.webhooksToPrivate === undefined
      ? {}
      : { webhooks: { allowPrivateNetworks: options.webhooksToPrivate === 'yes' } }),
  };
  return showSettings(context, await client.send<Settings>('PUT', '/settings', body));
}

interface MailOptions {
  host?: string;
  port?: number;
  security?: string;
  user?: string;
  passwordFile?: string;
  oauthTenant?: string;
  oauthClientId?: string;
  oauthCloud?: string;
  oauthSecretFile?: string;
  oauth?: boolean;
  from?: string;
  to: string[];
  on: string[];
  subject?: string;
  attachDetails?: string;
  digest?: string;
  timeZone?: string;
  enable?: boolean;
  disable?: boolean;
  off?: boolean;
}

/** `07:00`, or `off` for a message after each run. */
function digestOf({ digest, timeZone }: MailOptions): Record<string, unknown> {
  if (digest === undefined) return {};
  if (digest === 'off') return { digest: undefined };
  return { digest: { time: digest, timeZone: timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone } };
}

async function mailPassword({ io }: Context, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return io.env.HOLDFAST_MAIL_PASSWORD;
  const option = { fileOption: '--password-file', env: 'HOLDFAST_MAIL_PASSWORD' };
  return readSecret(io, { what: 'mail password', file, ...option });
}

/** The application that signs in: what is given over what is set. `--no-oauth` takes it away. @throws UsageError */
async function oauthOf({ io }: Context, before: object | undefined, options: MailOptions): Promise<object> {
  const { oauthTenant, oauthClientId, oauthCloud, oauthSecretFile: file } = options;
  const option = { fileOption: '--oauth-secret-file', env: 'HOLDFAST_MAIL_CLIENT_SECRET' };
  const isGiven = file !== undefined || io.env[option.env] !== undefined;
  const given = Object.entries({
    cloud: oauthCloud,
    tenantId: oauthTenant,
    clientId: oauthClientId,
    clientSecret: isGiven
      ? await readSecret(io, { what: 'client secret of the application that sends', file, ...option })
      : undefined,
  }).filter(([, value]) => value !== undefined);
  if (options.oauth === false) {
    if (given.length > 0) throw new UsageError('--no-oauth means no application at all');
    return { oauth: undefined };
  }
  return given.length === 0 ? {} : { oauth: { ...before, ...Object.fromEntries(given) } };
}

/** Shows the mail settings, or changes what is given and keeps the rest. */
async function mail(context: Context, _args: string[], options: MailOptions): Promise<undefined> {
  const { client } = context;
  if (options.off === true) {
    await client.send('DELETE', '/settings/mail');
    return show(context);
  }
  const now = await client.get<Settings>('/settings');
  const { passwordSet: _kept, ...before }: Partial<NonNullable<ShownMail>> = now.mail ?? {};
  const enabled = options.enable === true ? true : options.disable === true ? false : undefined;
  const plain = Object.entries({
    host: options.host,
    port: options.port,
    security: options.security,
    user: options.user,
    from: options.from,
    recipients: options.to.length === 0 ? undefined : options.to,
    on: options.on.length === 0 ? undefined : options.on.flatMap((text) => text.split(',')),
    attachDetails: options.attachDetails === undefined ? undefined : options.attachDetails === 'yes',
    subject: options.subject,
    password: await mailPassword(context, options.passwordFile),
    enabled,
  }).filter(([, value]) => value !== undefined);
  const given = {
    ...Object.fromEntries(plain),
    ...digestOf(options),
    ...(await oauthOf(context, before.oauth, options)),
  };
  if (Object.keys(given).length === 0) return showSettings(context, now);
  const body: Record<string, unknown> = { ...before, ...given };
  if (options.subject === '') delete body.subject;
  return showSettings(context, await client.send<Settings>('PUT', '/settings/mail', body));
}

/** On the command line → in the settings, with the name of the threshold. */
const watched = {
  'job-overdue': ['jobOverdue', 'afterMinutes'],
  'restore-point-old': ['restorePointOld', 'afterHours'],
  'proxy-offline': ['proxyOffline', 'afterMinutes'],
  'credential-expiring': ['credentialExpiring', 'beforeDays'],
  'retention-guarded': ['retentionGuarded', undefined],
  'repository-space-low': ['repositorySpaceLow', 'freePercent'],
  'webhook-failing': ['webhookFailing', 'afterMinutes'],
} as const satisfies Record<AlertKind, readonly [keyof AlertSettings, string | undefined]>;

interface AlertOptions {
  to: string[];
  enable: string[];
  disable: string[];
  threshold: string[];
  allClear?: string;
}

function settingOf(kind: string) {
  if (Object.hasOwn(watched, kind)) return watched[kind as AlertKind];
  throw new UsageError(`there is no alert "${kind}"`, `There are ${Object.keys(watched).join(', ')}.`);
}

function changedAlerts(before: AlertSettings, options: AlertOptions): Record<string, unknown> {
  const alerts: Record<string, unknown> = { ...before };
  const edit = (name: string, change: object) => {
    alerts[name] = { ...(alerts[name] as object), ...change };
  };
  for (const kind of options.enable) edit(settingOf(kind)[0], { enabled: true });
  for (const kind of options.disable) edit(settingOf(kind)[0], { enabled: false });
  for (const text of options.threshold) {
    const [kind = '', value = ''] = text.split('=');
    const [name, threshold] = settingOf(kind);
    if (threshold === undefined || !/^\d+$/.test(value))
      throw new UsageError(`--threshold ${text} must be such as job-overdue=90`);
    edit(name, { [threshold]: Number(value) });
  }
  if (options.to.length > 0) alerts.recipients = options.to;
  if (options.allClear !== undefined) alerts.allClear = options.allClear === 'yes';
  return alerts;
}

function showAlerts({ screen }: Context, { alerts }: Settings): undefined {
  if (screen.json) return screen.document(alerts);
  screen.table(
    ['ALERT', 'ON', 'THRESHOLD'],
    Object.entries(watched).map(([kind, [name, threshold]]) => {
      const { enabled, ...values } = alerts[name] as { enabled: boolean } & Record<string, number>;
      return [
        kind,
        enabled ? 'yes' : 'no',
        threshold === undefined ? '' : `${threshold} ${values[threshold]}`,
      ];
    }),
  );
  screen.facts([
    ['recipients', alerts.recipients.length === 0 ? 'those of reports' : alerts.recipients.join('; ')],
    ['all-clear', alerts.allClear ? 'yes' : 'no'],
  ]);
  return undefined;
}

/** Shows which alerts are raised, or changes what is given. */
async function alerts(context: Context, _args: string[], options: AlertOptions): Promise<undefined> {
  const now = await context.client.get<Settings>('/settings');
  const body = changedAlerts(now.alerts, options);
  if (JSON.stringify(body) === JSON.stringify(now.alerts)) return showAlerts(context, now);
  return showAlerts(context, await context.client.send<Settings>('PUT', '/settings/alerts', body));
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
    const over = now.state !== 'pending' || now.error !== undefined || io.now() > limit;
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
  const yesNo = (flags: string, words: string) => new Option(flags, words).choices(['yes', 'no']);
  act(runner, settings.command('show').description('show them; passwords are never shown'), show);
  const setting = settings
    .command('set')
    .description('change what is given, keep the rest')
    .option('-f, --file <file>', 'YAML with all settings, instead of flags')
    .addOption(yesNo('--webhooks-to-private <yes|no>', 'webhooks may go to private networks'))
    .option('--base-url <url>', 'address of the console, for links in reports');
  act(runner, setting, set);
  excludeCommand(runner, settings);
  const mailing = settings
    .command('mail')
    .description(
      'show the mail settings, or change what is given; the password also from HOLDFAST_MAIL_PASSWORD',
    )
    .option('--host <host>', 'mail server')
    .addOption(new Option('--port <port>', 'its port').argParser(wholeNumber))
    .addOption(new Option('--security <kind>', 'of the connection').choices(['none', 'starttls', 'tls']))
    .option('--user <user>', 'signs in as')
    .option('--password-file <file>', 'file with the password, - for stdin')
    .option('--oauth-tenant <tenant>', 'sign in with a token: tenant of the application')
    .option('--oauth-client-id <id>', 'its application id')
    .option('--oauth-secret-file <file>', 'its client secret, - for stdin; or HOLDFAST_MAIL_CLIENT_SECRET')
    .option('--oauth-cloud <cloud>', 'its cloud; global by default')
    .option('--no-oauth', 'sign in with a password, or not at all')
    .option('--from <address>', 'sender of reports')
    .option('--to <addresses>', 'get reports; "; " or a repeat for more', collect, [])
    .option(
      '--on <outcomes>',
      'are reported: success, warning, failed, stopped (repeat, or commas)',
      collect,
      [],
    )
    .option('--subject <template>', 'such as "[%JobResult%] %JobName%"; empty for the built-in one')
    .addOption(yesNo('--attach-details <yes|no>', 'every mailbox as a CSV file'))
    .option('--digest <HH:MM|off>', 'one message a day at this time, instead of one for each run')
    .option('--time-zone <zone>', 'of --digest; this machine’s by default')
    .option('--enable', 'send')
    .option('--disable', 'send nothing, keep the settings')
    .option('--off', 'forget the mail settings');
  act(runner, mailing, mail);
  const alerting = settings
    .command('alerts')
    .description('show which alerts are raised, or change what is given')
    .option('--enable <alert>', 'switch one on (repeat)', collect, [])
    .option('--disable <alert>', 'switch one off (repeat)', collect, [])
    .option('--threshold <alert=n>', 'such as restore-point-old=48 (repeat)', collect, [])
    .option('--to <addresses>', 'get alerts, instead of the recipients of reports', collect, [])
    .addOption(yesNo('--all-clear <yes|no>', 'a message as well when an alert is over'));
  act(runner, alerting, alerts);
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
