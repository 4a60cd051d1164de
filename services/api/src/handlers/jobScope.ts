import type { Group, Job, Mailbox, MailboxHead } from '@holdfast/contracts';
import { resolveScope, type Scope, type ScopeEntry } from '@holdfast/scheduling';
import { all } from '@holdfast/store';
import type { ApiPorts } from '../ports.ts';
import type { JobWarning } from './jobChecks.ts';

/** The mailboxes and groups of the last inventory of an organization. */
export interface KnownDirectory {
  mailboxes: Mailbox[];
  groups: Group[];
}

/** About 400 bytes a mailbox for as long as the request lasts. */
export async function directoryOf(ports: ApiPorts, organizationId: string): Promise<KnownDirectory> {
  const mailboxes: Mailbox[] = [];
  const groups: Group[] = [];
  const where = { organizationId };
  for await (const { doc } of all(ports.collections.mailboxes, { where })) mailboxes.push(doc);
  for await (const { doc } of all(ports.collections.groups, { where })) groups.push(doc);
  return { mailboxes, groups };
}

type ScopeJob = Pick<Job, 'organizationId' | 'repositoryId' | 'sources' | 'exclude' | 'destinations'>;

/** Who is in the scope of a job and who is not, as its next run would find it with this directory. */
export async function scopeOf(ports: ApiPorts, job: ScopeJob, known: KnownDirectory): Promise<Scope> {
  const global = (await ports.collections.settings.get('global'))?.doc.exclude;
  return resolveScope({ job, global, ...known });
}

const headsAtOnce = 500;
const namedAtMost = 100;

/** Where mailboxes have restore points to go on from: repository ids by mailbox. */
export async function chainsOf(
  ports: ApiPorts,
  mailboxIds: readonly string[],
): Promise<Map<string, Set<string>>> {
  const { repositories, mailboxHeads } = ports.collections;
  const repositoryIds: string[] = [];
  for await (const { doc } of all(repositories, {})) repositoryIds.push(doc.id);
  const chains = new Map<string, Set<string>>();
  for (let at = 0; at < mailboxIds.length && repositoryIds.length > 0; at += headsAtOnce) {
    const chunk = mailboxIds.slice(at, at + headsAtOnce);
    const where = { repositoryId: { in: repositoryIds }, mailboxId: { in: chunk } };
    for await (const { doc } of all(mailboxHeads, { where })) noteChain(chains, doc);
  }
  return chains;
}

function noteChain(chains: Map<string, Set<string>>, head: MailboxHead): void {
  if (head.pointName === undefined) return;
  const known = chains.get(head.mailboxId) ?? new Set<string>();
  known.add(head.repositoryId);
  chains.set(head.mailboxId, known);
}

/** Mailboxes that have a chain of restore points elsewhere and none where the job sends them. */
export function movesOf(entries: readonly ScopeEntry[], chains: Map<string, Set<string>>): ScopeEntry[] {
  return entries.filter(({ mailboxId, repositoryId, error }) => {
    const known = chains.get(mailboxId);
    return error === undefined && known !== undefined && !known.has(repositoryId);
  });
}

/** What whoever saves the job should know of the mailboxes that change their repository. */
export function moveWarnings(moves: readonly ScopeEntry[]): JobWarning[] {
  if (moves.length === 0) return [];
  const addresses = moves.map(({ mailboxAddress }) => mailboxAddress).sort();
  return [
    {
      code: 'full-backup',
      field: 'destinations',
      message: `${moves.length} mailboxes change their repository: the next run makes one full backup of each there. What they have in the other repository stays, and going back continues it.`,
      mailboxes: { count: moves.length, addresses: addresses.slice(0, namedAtMost) },
    },
  ];
}

/** The warnings of a job about to be saved. */
export async function scopeWarnings(ports: ApiPorts, job: ScopeJob): Promise<JobWarning[]> {
  const known = await directoryOf(ports, job.organizationId);
  if (known.mailboxes.length === 0) return [];
  const { entries } = await scopeOf(ports, job, known);
  const chains = await chainsOf(
    ports,
    entries.map(({ mailboxId }) => mailboxId),
  );
  return moveWarnings(movesOf(entries, chains));
}
