import type { Job, MailSettings, Notification, Run, RunTask } from '@holdfast/contracts';
import type { Digest, DigestRun } from './domain/digestReport.ts';
import { isWithin } from './domain/planDigest.ts';
import { isReported, timeZoneOf } from './domain/planNotification.ts';
import type { ReportSource } from './ports.ts';

/** A run may have been asked for long before it ended. */
export const longestRunMs = 3 * 24 * 60 * 60_000;
const listedMailboxes = 10;

/** Puts a digest together: the runs of its period and jobs, what is open, and the jobs that did not run. */
export async function collectDigest(
  source: ReportSource,
  notification: Notification,
  mail: Pick<MailSettings, 'on' | 'digest'>,
  baseUrl: string | undefined,
): Promise<Digest> {
  const to = notification.period?.to ?? notification.createdAt;
  const period = { from: notification.period?.from ?? to, to };
  const jobIds = new Set(notification.period?.jobIds ?? []);
  const jobs = new Map<string, Job>();
  for await (const job of source.jobs()) if (jobIds.has(job.id)) jobs.set(job.id, job);
  const runs: DigestRun[] = [];
  const ran = new Set<string>();
  const since = new Date(new Date(period.from).getTime() - longestRunMs).toISOString();
  for await (const run of source.endedRunsSince(since)) {
    if (!jobIds.has(run.jobId) || !isWithin(run, period)) continue;
    ran.add(run.jobId);
    const job = jobs.get(run.jobId);
    if (isReported(run.outcome ?? run.state, job, mail))
      runs.push(await digestRun(source, run, timeZoneOf(job)));
  }
  const isAll = notification.refersTo.startsWith('all.');
  const idle = [...jobs.values()].filter(
    (job) => job.enabled && job.schedules.length > 0 && !ran.has(job.id) && job.createdAt < period.from,
  );
  return {
    ...{ period, runs, baseUrl, title: notification.subject.replace(/^\[[^\]]*\] /, '') },
    timeZone: mail.digest?.timeZone ?? 'UTC',
    alerts: isAll ? await Array.fromAsync(source.openAlerts()) : [],
    idleJobs: idle.map(({ name }) => name).sort(),
  };
}

async function digestRun(source: ReportSource, run: Run, timeZone: string): Promise<DigestRun> {
  const problems: RunTask[] = [];
  let left = 0;
  if (run.tasks.failed + run.tasks.warning + run.tasks.stopped > 0) {
    for await (const task of source.tasks(run.id, ['failed', 'stopped', 'warning'])) {
      if (problems.length < listedMailboxes) problems.push(task);
      else left += 1;
    }
  }
  return { run, timeZone, problems, problemsLeftOut: left };
}
