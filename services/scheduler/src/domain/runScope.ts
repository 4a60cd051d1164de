import { type Exclusions, type Job, noExclusions, type Run, type RunTask } from '@holdfast/contracts';
import {
  itemCutOff,
  type Member,
  resolveScope,
  type Scope,
  scopeChange,
  scopeNeeds,
} from '@holdfast/scheduling';
import type { Inventory, RunBook, ScopeSource, TaskBook } from '../ports.ts';

export interface ScopePorts {
  runs: RunBook;
  tasks: TaskBook;
  scope: ScopeSource;
  inventory: Inventory;
}

/** What a run has settled about its mailboxes, as its record says. */
export type ScopeFacts = Pick<
  Run,
  'repositoryIds' | 'scope' | 'excludeFolders' | 'includeRecoverable' | 'olderThan'
>;

/** Has the directory read as far as the scope of the job needs it, then says who is in. */
export async function scopeOfRun(ports: ScopePorts, run: Run, job: Job): Promise<Scope> {
  const global = await ports.scope.globalExclusions();
  const needs = scopeNeeds({ ...job, global });
  await ports.inventory.refresh(run.pool, run.organizationId, needs);
  const mailboxes = await collect(ports.scope.mailboxes(run.organizationId));
  const groups = await collect(ports.scope.groups(run.organizationId));
  return resolveScope({ job, global, onlyMailboxes: run.onlyMailboxes, mailboxes, groups });
}

/** What the record of the run keeps of its scope: what the proxies leave out, and who joined and who left. */
export async function scopeFacts(
  ports: ScopePorts,
  run: Run,
  job: Job,
  scope: Scope,
  nowMs: number,
): Promise<ScopeFacts> {
  const global: Exclusions = (await ports.scope.globalExclusions()) ?? noExclusions;
  const folders = [...job.exclude.folders, ...global.folders];
  const olderThan = oldestWanted(job, global, nowMs);
  const change = await changeSince(ports, run, scope);
  return {
    repositoryIds: [...new Set([run.repositoryId, ...scope.entries.map((entry) => entry.repositoryId)])],
    ...(folders.length === 0 ? {} : { excludeFolders: folders }),
    ...(job.options.includeRecoverable ? { includeRecoverable: true } : {}),
    ...(olderThan === undefined ? {} : { olderThan }),
    ...(change === undefined ? {} : { scope: change }),
  };
}

/**
 * The cut-off by the item ages of the job and of all jobs; it is the same for all schedules of a job, since their runs
 * go on from each other. Of several the shortest counts. Items can be told by one time only: the job's own comes first.
 */
function oldestWanted({ exclude, retention }: Job, global: Exclusions, nowMs: number): Run['olderThan'] {
  const ages = [retention.itemAge, exclude.itemAge, global.itemAge].filter((age) => age !== undefined);
  const by = ages[0]?.by;
  if (by === undefined) return undefined;
  const cutOffs = ages
    .filter((age) => age.by === by)
    .map((age) => itemCutOff(age, nowMs, retention.timeZone));
  return { before: new Date(Math.max(...cutOffs)).toISOString(), by };
}

/** Compared with the newest run that had the whole scope; a run for chosen mailboxes says nothing about it. */
async function changeSince(ports: ScopePorts, run: Run, scope: Scope): Promise<Run['scope']> {
  if (run.onlyMailboxes !== undefined) return undefined;
  const ended = await ports.runs.newestEndedRuns(run.jobId);
  const before = ended.find(
    ({ id, startedAt, onlyMailboxes }) =>
      id !== run.id && startedAt !== undefined && onlyMailboxes === undefined,
  );
  if (before === undefined) return undefined;
  const members: Member[] = [];
  for await (const task of ports.tasks.tasks(before.id)) if (isMailbox(task)) members.push(task);
  return scopeChange(
    { runId: before.id, members },
    { members: scope.entries.filter(isMailbox), out: scope.out },
  );
}

const notMailboxes = new Set(['mailbox-unknown', 'group-unknown', 'mailbox-types-unknown', 'mailbox-gone']);
/** Names that stand for nobody are in a run as failed tasks; they join and leave nothing. */
const isMailbox = ({ error }: Pick<RunTask, 'error'>): boolean => !notMailboxes.has(error?.code ?? '');

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}
