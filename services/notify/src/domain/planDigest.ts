import {
  deterministicId,
  type Job,
  type MailSettings,
  type Notification,
  type Run,
  type Settings,
} from '@holdfast/contracts';
import { lastFire } from '@holdfast/scheduling';
import { counted, formatTime } from './format.ts';
import { isReported, plan, reportRecipients } from './planNotification.ts';

const dayMs = 24 * 60 * 60_000;
/** After a long pause of mail a digest begins here; older runs are in the lists. */
const longestPeriodMs = 7 * dayMs;

export interface DigestPeriod {
  from: string;
  to: string;
}

/**
 * The period of the digest that is due: up to the newest time of day that has passed, from where the one before ended.
 * Undefined when none is due, or the settings are newer than that time. After a pause there is one for all of it.
 */
export function duePeriod(
  mail: MailSettings,
  before: Pick<Notification, 'period'> | undefined,
  nowMs: number,
): DigestPeriod | undefined {
  if (mail.digest === undefined || !mail.enabled) return undefined;
  const lastTo = before?.period?.to;
  const { time, timeZone } = mail.digest;
  const daily = { kind: 'daily', id: 'digest', start: time, endsNextDay: false, timeZone } as const;
  const fire = lastFire(daily, new Date(nowMs));
  const isServed = [lastTo, mail.changedAt].some(
    (served) => served !== undefined && fire !== undefined && new Date(served) >= fire,
  );
  if (fire === undefined || isServed) return undefined;
  const fromMs = lastTo === undefined ? fire.getTime() - dayMs : new Date(lastTo).getTime();
  const from = Math.max(fromMs, fire.getTime() - longestPeriodMs);
  return { from: new Date(from).toISOString(), to: fire.toISOString() };
}

/** Runs that ended within the period. */
export const isWithin = (run: Run, { from, to }: DigestPeriod): boolean =>
  run.finishedAt !== undefined && run.finishedAt > from && run.finishedAt <= to && run.state !== 'skipped';

const compact = (iso: string): string => iso.replaceAll(/[-:]|\.\d+/g, '');

export const digestIdPrefix = 'digest.all.';

/**
 * The digests of a period: one for the global recipients with every job that reports to them, and one for each group of
 * other recipients that get the same jobs. The global one comes last: when it is there, all are.
 */
export function planDigests(
  period: DigestPeriod,
  jobs: readonly Job[],
  runs: readonly Run[],
  settings: Settings & { mail: MailSettings },
  nowIso: string,
): Notification[] {
  const { mail } = settings;
  const global = new Set(mail.recipients.map((address) => address.toLowerCase()));
  const jobsOf = new Map<string, { address: string; jobIds: string[] }>();
  const globalJobs: string[] = [];
  const reported = (job: Job): boolean =>
    runs.some((run) => run.jobId === job.id && isReported(run.outcome ?? run.state, job, mail));
  for (const job of jobs) {
    const recipients = reportRecipients(job, mail);
    const isOwnOnly = job.notifications.recipients === 'replace' && job.recipients.length > 0;
    if (!isOwnOnly) globalJobs.push(job.id);
    if (!reported(job)) continue;
    for (const address of recipients) {
      const key = address.toLowerCase();
      if (global.has(key) && !isOwnOnly) continue;
      const entry = jobsOf.get(key) ?? { address, jobIds: [] };
      jobsOf.set(key, { ...entry, jobIds: [...entry.jobIds, job.id] });
    }
  }
  const groups = Map.groupBy(jobsOf.values(), ({ jobIds }) => jobIds.toSorted().join(' '));
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const make = (refersTo: string, recipients: readonly string[], jobIds: readonly string[]): Notification => {
    const own = runs.filter(
      (run) => jobIds.includes(run.jobId) && isReported(run.outcome ?? run.state, byId.get(run.jobId), mail),
    );
    const matter = {
      ...{ kind: 'digest' as const, refersTo, subject: digestSubject(own, period, mail) },
      period: { ...period, jobIds: [...jobIds] },
    };
    return plan(matter, recipients, settings, nowIso);
  };
  const others = [...groups].map(([key, members]) =>
    make(
      `jobs.${compact(period.to)}.${deterministicId('', key)}`,
      members.map(({ address }) => address),
      members[0]?.jobIds ?? [],
    ),
  );
  return [...others, make(`all.${compact(period.to)}`, mail.recipients, globalJobs)];
}

/** `[Holdfast] FAILED: 12 runs since 2026-11-21 07:00: 1 failed, 2 with warnings` */
export function digestSubject(
  runs: readonly Run[],
  period: DigestPeriod,
  mail: Pick<MailSettings, 'digest'>,
): string {
  const count = (state: string): number => runs.filter((run) => (run.outcome ?? run.state) === state).length;
  const [failed, warning, stopped] = [count('failed'), count('warning'), count('stopped')];
  const word =
    runs.length === 0
      ? 'NOTHING RAN'
      : failed > 0
        ? 'FAILED'
        : warning > 0
          ? 'WARNING'
          : stopped > 0
            ? 'STOPPED'
            : 'SUCCESS';
  const since = formatTime(period.from, mail.digest?.timeZone ?? 'UTC');
  const parts = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warning > 0 ? [`${warning} with warnings`] : []),
    ...(stopped > 0 ? [`${stopped} stopped`] : []),
  ];
  return `[Holdfast] ${word}: ${counted(runs.length, 'run')} since ${since}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}
