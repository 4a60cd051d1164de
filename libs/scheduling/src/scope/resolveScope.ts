import {
  deterministicId,
  type ErrorFacts,
  type Exclusions,
  type Job,
  type Mailbox,
  type OutReason,
  type Source,
} from '@holdfast/contracts';
import { addressKey, groupOf, type Inventory, matcherOf, membersOf, ruleMatches } from './matchMailboxes.ts';
import { scopeNeeds } from './scopeNeeds.ts';

/** One mailbox of a scope, or something named in the job that cannot be backed up, with the reason. */
export interface ScopeEntry {
  mailboxId: string;
  mailboxAddress: string;
  repositoryId: string;
  /** Place of the source that brought it in; absent for trouble that no source has. */
  source?: number;
  /** Place of the destination that it goes to; absent for the default repository. */
  destination?: number;
  error?: ErrorFacts;
}

/** A mailbox of the organization that is not in the scope. */
export interface OutEntry {
  mailboxId: string;
  mailboxAddress: string;
  reason: OutReason;
  /** Excluded for all jobs, by the settings. */
  global?: true;
}

export interface Scope {
  entries: ScopeEntry[];
  out: OutEntry[];
}

export interface ScopeInput extends Inventory {
  job: Pick<Job, 'organizationId' | 'repositoryId' | 'sources' | 'exclude' | 'destinations'>;
  /** What no job backs up. */
  global?: Exclusions | undefined;
  /** Mailboxes chosen for this run only. */
  onlyMailboxes?: readonly string[] | undefined;
}

/**
 * The mailboxes of a run in the order in which they are processed: sources in the job's order, within a source by
 * address, each with its repository; and everybody else with the reason. Exclusions win over every source. What is
 * named and not there becomes an entry with an error: one bad name never fails a run (P7). The same input gives the
 * same answer.
 */
export function resolveScope(input: ScopeInput): Scope {
  const sorted = [...input.mailboxes].sort(
    (a, b) => compare(addressKey(a.address), addressKey(b.address)) || compare(a.id, b.id),
  );
  const inventory: Inventory = { mailboxes: sorted, groups: input.groups };
  const reasonOf = exclusionOf(input, inventory);
  const placeOf = destinationOf(input.job, inventory);
  const entries = new Map<string, ScopeEntry>();
  for (const [at, source] of input.job.sources.entries()) {
    for (const mailbox of meantBy(source, inventory)) {
      if (entries.has(mailbox.id) || reasonOf(mailbox) !== undefined) continue;
      const entry = { ...placeOf(mailbox), source: at };
      entries.set(mailbox.id, mailbox.status === 'active' ? entry : { ...entry, error: goneError(mailbox) });
    }
    const trouble = troubleOf(input, inventory, source);
    if (trouble !== undefined) entries.set(trouble.mailboxId, { ...trouble, source: at });
  }
  for (const trouble of troubleElsewhere(input, inventory)) {
    if (!entries.has(trouble.mailboxId)) entries.set(trouble.mailboxId, trouble);
  }
  const out = sorted
    .filter((mailbox) => !entries.has(mailbox.id))
    .map((mailbox) => outEntry(mailbox, reasonOf(mailbox)));
  return chosen([...entries.values()], out, input.onlyMailboxes);
}

/** The mailboxes of a source; one that left the directory only where it is named by itself and nobody has its address. */
function meantBy(source: Source, inventory: Inventory): Mailbox[] {
  const found = inventory.mailboxes.filter(matcherOf(source, inventory));
  const active = found.filter(({ status }) => status === 'active');
  return active.length > 0 || source.kind !== 'mailbox' ? active : found.slice(0, 1);
}

type Excluded = Pick<OutEntry, 'reason' | 'global'>;

const outEntry = (mailbox: Mailbox, excluded: Excluded | undefined): OutEntry => ({
  mailboxId: mailbox.id,
  mailboxAddress: mailbox.address,
  ...(excluded ?? { reason: mailbox.status === 'gone' ? 'gone' : 'no-source' }),
});

/** A run for chosen mailboxes leaves the others out. */
function chosen(entries: ScopeEntry[], out: OutEntry[], only: readonly string[] | undefined): Scope {
  if (only === undefined) return { entries, out };
  const wanted = new Set(only);
  const left = entries
    .filter(({ mailboxId, error }) => error === undefined && !wanted.has(mailboxId))
    .map(({ mailboxId, mailboxAddress }): OutEntry => ({ mailboxId, mailboxAddress, reason: 'not-chosen' }));
  return { entries: entries.filter(({ mailboxId }) => wanted.has(mailboxId)), out: [...out, ...left] };
}

/** Why a mailbox is excluded, by the job or by the settings; undefined when it is not. */
function exclusionOf(
  { job, global }: ScopeInput,
  inventory: Inventory,
): (mailbox: Mailbox) => Excluded | undefined {
  const ofJob = reasonIn(job.exclude, inventory);
  const ofAll = global === undefined ? () => undefined : reasonIn(global, inventory);
  return (mailbox) => {
    const reason = ofJob(mailbox);
    if (reason !== undefined) return { reason };
    const everywhere = ofAll(mailbox);
    return everywhere === undefined ? undefined : { reason: everywhere, global: true };
  };
}

function reasonIn(exclude: Exclusions, inventory: Inventory): (mailbox: Mailbox) => OutReason | undefined {
  const addresses = new Set(exclude.mailboxes.map(addressKey));
  const groups = exclude.groups.flatMap((group) => membersOf(inventory, group) ?? []);
  return (mailbox) => {
    if (addresses.has(addressKey(mailbox.address))) return 'excluded-mailbox';
    if (groups.some((members) => members.has(mailbox.userId))) return 'excluded-group';
    return exclude.rules.some((rule) => ruleMatches(rule, mailbox)) ? 'excluded-rule' : undefined;
  };
}

type Placed = Pick<ScopeEntry, 'mailboxId' | 'mailboxAddress' | 'repositoryId' | 'destination'>;

/** The first destination that matches, else the default repository. */
function destinationOf(job: ScopeInput['job'], inventory: Inventory): (mailbox: Mailbox) => Placed {
  const matchers = job.destinations.map(({ match }) => match.map((source) => matcherOf(source, inventory)));
  return (mailbox) => {
    const at = matchers.findIndex((any) => any.some((matches) => matches(mailbox)));
    const destination = job.destinations[at];
    const names = { mailboxId: mailbox.id, mailboxAddress: mailbox.address };
    if (destination === undefined) return { ...names, repositoryId: job.repositoryId };
    return { ...names, repositoryId: destination.repositoryId, destination: at };
  };
}

/** Trouble with a source itself: what it names is not there. */
function troubleOf(input: ScopeInput, inventory: Inventory, source: Source): ScopeEntry | undefined {
  if (source.kind === 'group') return unknownGroup(input, inventory, source.groupId);
  if (source.kind !== 'mailbox') return undefined;
  const wanted = addressKey(source.address);
  const excluded = [...input.job.exclude.mailboxes, ...(input.global?.mailboxes ?? [])].map(addressKey);
  if (excluded.includes(wanted)) return undefined;
  if (inventory.mailboxes.some(({ address }) => addressKey(address) === wanted)) return undefined;
  return missing(input.job, source.address.trim(), {
    code: 'mailbox-unknown',
    errorClass: 'permanent-mailbox',
    message: `the directory has no mailbox ${source.address.trim()}`,
    remedy: 'Check the spelling of the address in the job, and that the mailbox exists and has a licence.',
  });
}

/** A group of an exclusion or destination that is not there must not pass unseen: who was meant is backed up, or elsewhere. */
function troubleElsewhere(input: ScopeInput, inventory: Inventory): ScopeEntry[] {
  const { job, global } = input;
  const { groupIds, kinds } = scopeNeeds({ ...job, global });
  const unknown = groupIds.flatMap((groupId) => unknownGroup(input, inventory, groupId) ?? []);
  if (!kinds) return unknown;
  const untold = inventory.mailboxes.filter(
    ({ status, kind, kindAt }) => status === 'active' && kind === 'unknown' && kindAt === undefined,
  ).length;
  if (untold === 0) return unknown;
  const error: ErrorFacts = {
    code: 'mailbox-types-unknown',
    errorClass: 'forbidden',
    message: `the types of ${untold} mailboxes could not be read, so no rule by type matches them`,
    remedy:
      'Grant the application permission MailboxSettings.Read, or do without types in the rules of the job.',
  };
  return [...unknown, missing(job, 'types of mailboxes', error)];
}

function unknownGroup(input: ScopeInput, inventory: Inventory, groupId: string): ScopeEntry | undefined {
  if (groupOf(inventory, groupId) !== undefined) return undefined;
  return missing(input.job, `group ${groupId}`, {
    code: 'group-unknown',
    errorClass: 'permanent-mailbox',
    message: `the directory has no group ${groupId}`,
    remedy: 'Check the group in the directory; correct or remove it in the job or in the global exclusions.',
  });
}

const goneError = (mailbox: Mailbox): ErrorFacts => ({
  code: 'mailbox-gone',
  errorClass: 'permanent-mailbox',
  message: `the mailbox ${mailbox.address} is not in the directory any more`,
  remedy:
    'Its restore points stay. Remove the address from the job, or put the mailbox back in the directory.',
});

const missing = (job: ScopeInput['job'], name: string, error: ErrorFacts): ScopeEntry => ({
  mailboxId: deterministicId('mbx', job.organizationId, error.code, addressKey(name)),
  mailboxAddress: name,
  repositoryId: job.repositoryId,
  error,
});

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
