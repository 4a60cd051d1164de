import { type Exclusions, excludableFolders, type Job } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { parse as parseYaml } from 'yaml';
import { step } from '../client.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { collect } from '../options.ts';
import { resolveNamed } from '../resolve.ts';
import { ageOf, itemAgeText } from './retentionPolicy.ts';

export interface ScopeOptions {
  all?: boolean;
  mailbox: string[];
  group: string[];
  source: string[];
  exclude: string[];
  excludeGroup: string[];
  excludeRule: string[];
  excludeFolder: string[];
  excludeOlder?: string;
  excludeOlderBy?: string;
  to: string[];
  beforeScript?: string;
  afterScript?: string;
  scriptFails?: boolean;
}

type Draft = Record<string, unknown>;

const ruleNames: Readonly<Record<string, string>> = {
  domain: 'domain',
  type: 'types',
  name: 'displayName',
  department: 'department',
};

/** `domain=contoso.com,type=room,name=A*,department=Sales`; several types with a plus between. @throws UsageError */
export function ruleOf(text: string): Draft {
  const rule: Draft = {};
  for (const part of text.split(',')) {
    const [name = '', ...rest] = part.split('=');
    const field = ruleNames[name.trim()];
    const value = rest.join('=').trim();
    if (field === undefined || value === '') {
      throw new UsageError(`"${part}" is no part of a rule`, 'Use domain=…, type=…, name=… or department=….');
    }
    rule[field] = field === 'types' ? value.split('+') : value;
  }
  return rule;
}

/** `all`, `mailbox:ADDRESS`, `group:ID`, `direct:ID` (its own members only) or `rule:…`. @throws UsageError */
export function sourceOf(text: string): Draft {
  if (text === 'all') return { kind: 'organization' };
  const [kind = '', ...rest] = text.split(':');
  const value = rest.join(':');
  if (value !== '') {
    if (kind === 'mailbox') return { kind, address: value };
    if (kind === 'group') return { kind, groupId: value };
    if (kind === 'direct') return { kind: 'group', groupId: value, members: 'direct' };
    if (kind === 'rule') return { kind, ...ruleOf(value) };
  }
  const remedy = 'Use all, mailbox:ADDRESS, group:ID, direct:ID or rule:domain=…,type=…,name=…,department=….';
  throw new UsageError(`"${text}" is no source`, remedy);
}

const folderOf = (text: string): Draft =>
  (excludableFolders as readonly string[]).includes(text)
    ? { kind: 'well-known', name: text }
    : { kind: 'path', path: text };

const orNone = (list: Draft[] | string[]) => (list.length === 0 ? undefined : list);

type ExclusionOptions = Pick<
  ScopeOptions,
  'exclude' | 'excludeGroup' | 'excludeRule' | 'excludeFolder' | 'excludeOlder' | 'excludeOlderBy'
>;

/** The flags that leave something out; undefined when none is given. @throws UsageError */
export function exclusionsOf(options: ExclusionOptions): Draft | undefined {
  const { excludeOlder: age, excludeOlderBy: by } = options;
  if (by !== undefined && age === undefined)
    throw new UsageError('--exclude-older-by belongs to --exclude-older');
  const exclude = Object.entries({
    mailboxes: orNone(options.exclude),
    groups: orNone(options.excludeGroup.map((groupId) => ({ groupId }))),
    rules: orNone(options.excludeRule.map(ruleOf)),
    folders: orNone(options.excludeFolder.map(folderOf)),
  }).filter(([, value]) => value !== undefined);
  if (age !== undefined) exclude.push(['itemAge', age === 'none' ? undefined : ageOf(age, by)] as never);
  return exclude.length === 0 ? undefined : Object.fromEntries(exclude);
}

/** The flags of a scope as fields of the API; `to` with the names of repositories. */
export function scopeDraft(options: ScopeOptions): Draft {
  const sources = [
    ...options.source.map(sourceOf),
    ...options.mailbox.map((address) => ({ kind: 'mailbox', address })),
    ...options.group.map((groupId) => ({ kind: 'group', groupId })),
    ...(options.all === true ? [{ kind: 'organization' }] : []),
  ];
  const scripts = scriptsOf(options);
  return {
    sources: orNone(sources),
    exclude: exclusionsOf(options),
    destinations: orNone(options.to.map(destinationOf)),
    scripts,
  };
}

/** `/path`, all of it as YAML (`{path: /path, arguments: [a], wait: false}`), or `none`. @throws UsageError */
function scriptOf(flag: string, text: string, how: Draft): Draft | undefined {
  if (text === 'none') return undefined;
  if (!text.trimStart().startsWith('{')) return { path: text, ...how };
  try {
    return { ...(parseYaml(text, { maxAliasCount: 0 }) as Draft), ...how };
  } catch (error) {
    throw new UsageError(`${flag} is no YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A script that is `none` is in the draft without a value, so that it is taken from a job that has one. */
function scriptsOf({ afterScript, beforeScript, scriptFails }: ScopeOptions): Draft | undefined {
  const how = scriptFails === true ? { onFailure: 'fail' } : {};
  const scripts: Draft = {};
  if (beforeScript !== undefined) scripts.before = scriptOf('--before-script', beforeScript, how);
  if (afterScript !== undefined) scripts.after = scriptOf('--after-script', afterScript, how);
  if (Object.keys(scripts).length > 0) return scripts;
  if (scriptFails !== true) return undefined;
  throw new UsageError('--script-fails is about a script', 'Give --before-script or --after-script too.');
}

function destinationOf(text: string): Draft {
  const at = text.indexOf('=');
  if (at < 1)
    throw new UsageError(`"${text}" is no destination`, 'Use REPOSITORY=SOURCE, such as Second=group:ID.');
  return { repository: text.slice(0, at), match: [sourceOf(text.slice(at + 1))] };
}

/** Destinations may name their repository. */
export async function namedDestinations(client: Context['client'], destinations: unknown): Promise<unknown> {
  if (!Array.isArray(destinations)) return destinations;
  const named: unknown[] = [];
  for (const destination of destinations as Draft[]) {
    const { repository, ...rest } = destination;
    if (repository === undefined) named.push(destination);
    else
      named.push({
        ...rest,
        repositoryId: (await resolveNamed(client, 'repository', String(repository))).id,
      });
  }
  return named;
}

/** The flags that say what is left out. */
export const exclusionFlags = (command: Command): Command =>
  command
    .option('--exclude <address>', 'never this mailbox (repeat for more)', collect, [])
    .option('--exclude-group <id>', 'never the members of this group (repeat)', collect, [])
    .option('--exclude-rule <rule>', 'never what matches, such as type=room+equipment (repeat)', collect, [])
    .option(
      '--exclude-folder <folder>',
      'a path, or deleteditems, junkemail, drafts, … (repeat)',
      collect,
      [],
    )
    .option('--exclude-older <age>', 'items older than 30d, 6m or 3y; none to take all')
    .addOption(
      new Option('--exclude-older-by <time>', 'what that age goes by').choices(['received', 'modified']),
    );

export const scopeFlags = (command: Command): Command =>
  exclusionFlags(command)
    .option('--all', 'all mailboxes of the organization')
    .option('--mailbox <address>', 'a mailbox (repeat for more)', collect, [])
    .option('--group <id>', 'members of a directory group, nested ones too (repeat for more)', collect, [])
    .option(
      '--source <source>',
      'all, mailbox:…, group:…, direct:… or rule:…, in order (repeat)',
      collect,
      [],
    )
    .option(
      '--to <repo=source>',
      'another repository for some, such as Second=group:ID (repeat)',
      collect,
      [],
    )
    .option(
      '--before-script <script>',
      'runs before each run, on the machine of the scheduler: its path, or YAML such as {path: /…, arguments: [a], interpreter: /bin/sh, timeLimitSeconds: 60, wait: false}, or none',
    )
    .option('--after-script <script>', 'runs after each run')
    .option('--script-fails', 'a script that fails makes the run failed');

const ruleText = (rule: Job['exclude']['rules'][number]): string =>
  Object.entries(ruleNames)
    .flatMap(([name, field]) => {
      const value = rule[field as keyof typeof rule];
      return value === undefined ? [] : [`${name}=${Array.isArray(value) ? value.join('+') : value}`];
    })
    .join(',');

export function sourceText(source: Job['sources'][number]): string {
  if (source.kind === 'organization') return 'all mailboxes';
  if (source.kind === 'mailbox') return source.address;
  if (source.kind === 'rule') return ruleText(source);
  return `${source.members === 'direct' ? 'direct members of ' : ''}group ${source.groupId}`;
}

/** What is left out, as lines of facts. */
export function exclusionFacts(exclude: Exclusions): [string, string][] {
  const folders = exclude.folders.map((folder) => (folder.kind === 'path' ? folder.path : folder.name));
  const out = [
    ...exclude.mailboxes,
    ...exclude.groups.map(({ groupId }) => `group ${groupId}`),
    ...exclude.rules.map(ruleText),
  ];
  return [
    ['excluded', out.join('; ')],
    ['excluded folders', folders.join('; ')],
    ['excluded items', exclude.itemAge === undefined ? '' : itemAgeText(exclude.itemAge)],
  ];
}

/** What a job takes and leaves out, as lines of facts. */
export function scopeFacts(
  { sources, exclude, destinations, scripts }: Job,
  nameOf: (id: string) => string,
): [string, string][] {
  const given = (['before', 'after'] as const).flatMap((phase): [string, string][] => {
    const script = scripts[phase];
    if (script === undefined) return [];
    const how = script.wait
      ? `awaited, then ${script.onFailure === 'fail' ? 'fails the run' : 'goes on'}`
      : 'not awaited';
    return [[`script ${phase}`, `${script.path} (${how})`]];
  });
  return [
    ['sources', sources.map(sourceText).join('; ')],
    ...exclusionFacts(exclude),
    ...destinations.map(({ repositoryId, match }): [string, string] => [
      'destination',
      `${nameOf(repositoryId)}: ${match.map(sourceText).join('; ')}`,
    ]),
    ...given,
  ];
}

interface Warning {
  message: string;
  mailboxes?: { count: number; addresses: string[] };
}

interface Preview {
  totals: { in: number; out: number; error: number };
  warnings: Warning[];
  items: Record<'address' | 'status' | 'reason' | 'repositoryName' | 'message', string | undefined> &
    { fullBackup?: boolean }[];
  next?: string;
}

/** What whoever saves a job should know. */
export function tellWarnings(
  { screen }: Pick<Context, 'screen'>,
  warnings: readonly Warning[] | undefined,
): void {
  for (const { message, mailboxes } of warnings ?? []) {
    const named =
      mailboxes === undefined
        ? ''
        : ` (${mailboxes.addresses.slice(0, 5).join(', ')}${mailboxes.count > 5 ? ', …' : ''})`;
    screen.note(`warning: ${message}${named}`);
  }
}

/** Who is in a job, saved or as its flags or file say. */
export async function showPreview(
  context: Context,
  jobId: string | undefined,
  body: unknown,
  options: { show?: string; search?: string; limit: number; refresh?: boolean },
): Promise<undefined> {
  const { client, screen } = context;
  const query = new URLSearchParams({ limit: String(Math.min(options.limit, 1000)) });
  if (options.show !== undefined) query.set('show', options.show);
  if (options.search !== undefined) query.set('search', options.search);
  if (options.refresh === true) query.set('refresh', 'true');
  const preview =
    jobId === undefined
      ? await client.send<Preview>('POST', `/jobs/preview?${query}`, body)
      : await client.get<Preview>(`/jobs/${step(jobId)}/preview?${query}`);
  if (screen.json) return screen.document(preview);
  const items = preview.items as unknown as (Record<string, string | undefined> & { fullBackup?: boolean })[];
  screen.table(
    ['ADDRESS', 'STATUS', 'WHY OR WHERE', 'FULL BACKUP'],
    items.map((item) => [
      item.address,
      item.status,
      item.status === 'in' ? item.repositoryName : (item.reason ?? item.message),
      item.fullBackup === true ? 'yes' : '',
    ]),
  );
  const { totals } = preview;
  screen.line(`${totals.in} in, ${totals.out} out, ${totals.error} in trouble`);
  tellWarnings(context, preview.warnings);
  if (preview.next !== undefined) screen.note('There are more: use --show, --search or --limit.');
}
