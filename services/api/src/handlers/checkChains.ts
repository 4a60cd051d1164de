import { type FieldProblem, InvalidInput, type Job, type Schedule } from '@holdfast/contracts';
import { type ChainedJob, findCycle } from '@holdfast/scheduling';
import { all } from '@holdfast/store';
import { Conflict } from '../errors.ts';
import type { ApiPorts } from '../ports.ts';

interface Followers extends ChainedJob {
  name: string;
}

/** The jobs that follow others; few even where there are many jobs. */
async function followers(ports: ApiPorts): Promise<Followers[]> {
  const found: Followers[] = [];
  for await (const { doc } of all(ports.collections.jobs)) {
    const schedules = doc.schedules.filter(({ kind }) => kind === 'after');
    if (schedules.length > 0) found.push({ id: doc.id, name: doc.name, schedules });
  }
  return found;
}

/**
 * Refuses schedules that follow a job that is not there, or that lead back to the job itself. `id` is undefined for a
 * new job, which nobody can follow yet. @throws InvalidInput
 */
export async function checkChains(
  ports: ApiPorts,
  id: string | undefined,
  { name, schedules }: { name: string; schedules: readonly Schedule[] },
): Promise<void> {
  if (!schedules.some(({ kind }) => kind === 'after')) return;
  const names = new Map<string, string>();
  const problems: FieldProblem[] = [];
  for (const [index, schedule] of schedules.entries()) {
    if (schedule.kind !== 'after' || schedule.jobId === id) continue;
    const followed = await ports.collections.jobs.get(schedule.jobId);
    if (followed === undefined) {
      const message = 'there is no job with this id: choose one that exists, or remove the schedule';
      problems.push({ field: `schedules[${index}].jobId`, message });
    } else names.set(schedule.jobId, followed.doc.name);
  }
  if (problems.length > 0) throw new InvalidInput(problems);
  if (id === undefined) return;
  const others = await followers(ports);
  for (const other of others) names.set(other.id, other.name);
  names.set(id, name);
  const cycle = findCycle({ id, schedules }, others);
  if (cycle === undefined) return;
  const way = cycle.path.map((jobId) => `"${names.get(jobId) ?? jobId}"`).join(' after ');
  const message = `makes a circle: ${way}. Choose another job, or remove the schedule of one of these`;
  throw new InvalidInput([{ field: `schedules[${cycle.index}].jobId`, message }]);
}

/** Refuses to remove a job that others run after. @throws Conflict */
export async function requireUnfollowed(ports: ApiPorts, job: Pick<Job, 'id' | 'name'>): Promise<void> {
  const names = (await followers(ports))
    .filter(({ schedules }) => schedules.some((s) => s.kind === 'after' && s.jobId === job.id))
    .map(({ name }) => `"${name}"`);
  if (names.length === 0) return;
  const shown = `${names.slice(0, 10).join(', ')}${names.length > 10 ? ' and others' : ''}`;
  throw new Conflict(
    'job-followed',
    `job "${job.name}" is followed by ${shown}`,
    'Change when these run, then remove the job.',
  );
}
