import type { Schedule } from '@holdfast/contracts';

/** A job as a link of chains. */
export interface ChainedJob {
  id: string;
  schedules: readonly Schedule[];
}

/**
 * The way from a job over the jobs that it runs after back to itself, beginning and ending with the job followed at
 * `schedules[index]`; undefined when there is none. `jobs` are the others; the job itself may be among them as it
 * was before.
 */
export function findCycle(
  job: ChainedJob,
  jobs: readonly ChainedJob[],
): { index: number; path: string[] } | undefined {
  const followed = new Map(jobs.map((other) => [other.id, followedBy(other)]));
  followed.set(job.id, followedBy(job));
  for (const [index, schedule] of job.schedules.entries()) {
    if (schedule.kind !== 'after') continue;
    const path = wayTo(job.id, schedule.jobId, followed);
    if (path !== undefined) return { index, path: [job.id, ...path] };
  }
  return undefined;
}

const followedBy = ({ schedules }: ChainedJob): string[] =>
  schedules.flatMap((schedule) => (schedule.kind === 'after' ? [schedule.jobId] : []));

/** The shortest way from one job to another, both included, each step to a job that is followed. */
function wayTo(target: string, from: string, followed: ReadonlyMap<string, string[]>): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
  for (const at of cameFrom.keys()) {
    if (at === target) return trace(at, cameFrom);
    for (const next of followed.get(at) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, at);
  }
  return undefined;
}

function trace(to: string, cameFrom: ReadonlyMap<string, string | undefined>): string[] {
  const path: string[] = [];
  for (let at: string | undefined = to; at !== undefined; at = cameFrom.get(at)) path.unshift(at);
  return path;
}
