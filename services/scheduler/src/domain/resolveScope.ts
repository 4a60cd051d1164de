import {
  deterministicId,
  type ErrorFacts,
  type Group,
  type Job,
  type Mailbox,
  type Run,
  type RunTask,
  taskIdOf,
} from '@holdfast/contracts';

/** One mailbox of a run's scope, or something named in the job that cannot be backed up, with the reason. */
export interface ScopeEntry {
  mailboxId: string;
  mailboxAddress: string;
  error?: ErrorFacts;
}

export interface ScopeInput {
  job: Pick<Job, 'organizationId' | 'sources' | 'exclude'>;
  /** Mailboxes chosen for this run only. */
  onlyMailboxes?: readonly string[] | undefined;
  mailboxes: readonly Mailbox[];
  groups: readonly Group[];
}

/**
 * The mailboxes of a run in the order in which they are processed: sources in the job's order, within a source
 * by address. Exclusions win over every source. What is named and not there becomes an entry with an error: one
 * bad name never fails a run (P7). The same input gives the same answer.
 */
export function resolveScope({ job, onlyMailboxes, mailboxes, groups }: ScopeInput): ScopeEntry[] {
  const sorted = [...mailboxes].sort(
    (a, b) => compare(key(a.address), key(b.address)) || compare(a.id, b.id),
  );
  const excluded = new Set(job.exclude.map(key));
  const chosen = onlyMailboxes === undefined ? undefined : new Set(onlyMailboxes);
  const entries = new Map<string, ScopeEntry>();
  const add = (entry: ScopeEntry): void => {
    if (excluded.has(key(entry.mailboxAddress)) || entries.has(entry.mailboxId)) return;
    if (chosen === undefined || chosen.has(entry.mailboxId)) entries.set(entry.mailboxId, entry);
  };
  for (const source of job.sources) {
    switch (source.kind) {
      case 'organization':
        for (const mailbox of sorted) if (mailbox.status === 'active') add(entryOf(mailbox));
        break;
      case 'group':
        for (const entry of ofGroup(job.organizationId, source.groupId, sorted, groups)) add(entry);
        break;
      case 'mailbox':
        add(ofAddress(job.organizationId, source.address, sorted));
        break;
    }
  }
  return [...entries.values()];
}

/** The task of a run for an entry of its scope; what cannot be backed up is a failed task from the start. */
export function taskOf(run: Run, entry: ScopeEntry, position: number, nowIso: string): RunTask {
  const { jobId, organizationId, repositoryId } = run;
  const { mailboxId, mailboxAddress, error } = entry;
  const task = { id: taskIdOf(run.id, mailboxId), runId: run.id, jobId, organizationId, repositoryId };
  const common = { ...task, mailboxId, mailboxAddress, position, attempts: 0 };
  return error === undefined
    ? { ...common, state: 'queued' }
    : { ...common, state: 'failed', finishedAt: nowIso, error };
}

const entryOf = (mailbox: Mailbox): ScopeEntry => ({
  mailboxId: mailbox.id,
  mailboxAddress: mailbox.address,
});

function ofGroup(
  organizationId: string,
  groupId: string,
  sorted: readonly Mailbox[],
  groups: readonly Group[],
): ScopeEntry[] {
  const group = groups.find((candidate) => candidate.groupId === groupId);
  if (group === undefined) {
    const remedy = 'Check the group in the directory; correct or remove it in the job.';
    return [
      missing(
        organizationId,
        `group ${groupId}`,
        'group-unknown',
        `the directory has no group ${groupId}`,
        remedy,
      ),
    ];
  }
  const members = new Set(group.memberUserIds);
  return sorted.filter((mailbox) => mailbox.status === 'active' && members.has(mailbox.userId)).map(entryOf);
}

function ofAddress(organizationId: string, address: string, sorted: readonly Mailbox[]): ScopeEntry {
  const found = sorted.filter((mailbox) => key(mailbox.address) === key(address));
  const mailbox = found.find((candidate) => candidate.status === 'active') ?? found[0];
  if (mailbox === undefined) {
    const remedy =
      'Check the spelling of the address in the job, and that the mailbox exists and has a licence.';
    return missing(
      organizationId,
      address,
      'mailbox-unknown',
      `the directory has no mailbox ${address}`,
      remedy,
    );
  }
  if (mailbox.status === 'active') return entryOf(mailbox);
  return {
    ...entryOf(mailbox),
    error: {
      code: 'mailbox-gone',
      errorClass: 'permanent-mailbox',
      message: `the mailbox ${mailbox.address} is not in the directory any more`,
      remedy:
        'Its restore points stay. Remove the address from the job, or put the mailbox back in the directory.',
    },
  };
}

function missing(
  organizationId: string,
  name: string,
  code: string,
  message: string,
  remedy: string,
): ScopeEntry {
  return {
    mailboxId: deterministicId('mbx', organizationId, code, key(name)),
    mailboxAddress: name,
    error: { code, errorClass: 'permanent-mailbox', message, remedy },
  };
}

const key = (address: string): string => address.trim().toLowerCase();
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
