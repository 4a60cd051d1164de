import { type Run, type RunTask, taskIdOf } from '@holdfast/contracts';
import type { ScopeEntry } from '@holdfast/scheduling';

/** The task of a run for an entry of its scope; what cannot be backed up is a failed task from the start. */
export function taskOf(run: Run, entry: ScopeEntry, position: number, nowIso: string): RunTask {
  const { jobId, organizationId } = run;
  const { mailboxId, mailboxAddress, repositoryId, error } = entry;
  const task = { id: taskIdOf(run.id, mailboxId), runId: run.id, jobId, organizationId, repositoryId };
  const common = { ...task, mailboxId, mailboxAddress, position, attempts: 0 };
  return error === undefined
    ? { ...common, state: 'queued' }
    : { ...common, state: 'failed', finishedAt: nowIso, error };
}
