import {
  type Alert,
  type AlertKind,
  type AlertSettings,
  alertKinds,
  defaultAlertSettings,
  errorFacts,
  headIdOf,
  type Job,
} from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { alertEvents } from './domain/alerts/alertEvents.ts';
import { type Finding, isWatched, type Judgement } from './domain/alerts/finding.ts';
import { judgeCredentials } from './domain/alerts/judgeCredentials.ts';
import { judgeGuards } from './domain/alerts/judgeGuards.ts';
import { judgeOverdue } from './domain/alerts/judgeOverdue.ts';
import { judgePoints, safeUntil } from './domain/alerts/judgePoints.ts';
import { judgeProxies } from './domain/alerts/judgeProxies.ts';
import { judgeSpace, type Space, spaceEvents } from './domain/alerts/judgeSpace.ts';
import { judgeWebhooks } from './domain/alerts/judgeWebhooks.ts';
import { raisedAlert, reconcileAlerts } from './domain/alerts/reconcileAlerts.ts';
import { planAlertNotification } from './domain/planNotification.ts';
import type { NotifyMetrics } from './metrics.ts';
import type {
  AlertBook,
  Announce,
  MeasureRepository,
  NotificationBook,
  ProxyWatch,
  WatchedWorld,
} from './ports.ts';

export interface AlertDeps {
  world: WatchedWorld;
  alerts: AlertBook;
  book: NotificationBook;
  proxies: ProxyWatch;
  measure: MeasureRepository;
  announce: Announce;
  clock: Clock;
  logger: Logger;
  metrics: NotifyMetrics;
  /** Told when there is a message to send. */
  onPending: () => void;
}

export interface AlertWatch {
  /** Judges everything that is due once. */
  look(): Promise<void>;
}

const minuteMs = 60_000;
/** What costs a reading of every mailbox, or a question to a proxy, is asked less often. */
const slowEveryMs = 15 * minuteMs;
/** After a start the scheduler gets time to catch up before anything counts as missed. */
const graceAfterStartMs = 5 * minuteMs;
/** How far back what was raised is announced again, should a crash have kept it back. */
const announceBackMs = 3 * 24 * 60 * minuteMs;
const runsLookedAt = 20;

type Judge = (settings: AlertSettings) => Promise<Judgement | undefined>;

/** Watches for what nobody reports: it looks, compares with what is open, raises and clears. */
export function createAlertWatch(deps: AlertDeps): AlertWatch {
  const { world, clock, logger } = deps;
  const startedMs = clock.now();
  const lookedMs = new Map<AlertKind, number>();
  let isFirst = true;

  const judges: Record<AlertKind, { everyMs: number; judge: Judge }> = {
    'job-overdue': { everyMs: 0, judge: (settings) => overdue(deps, settings, startedMs) },
    'restore-point-old': { everyMs: slowEveryMs, judge: (settings) => oldPoints(deps, settings) },
    'proxy-offline': { everyMs: 0, judge: (settings) => silentProxies(deps, settings) },
    'credential-expiring': { everyMs: 0, judge: (settings) => credentials(deps, settings) },
    'retention-guarded': { everyMs: 0, judge: () => guards(deps) },
    'repository-space-low': { everyMs: slowEveryMs, judge: (settings) => fullDisks(deps, settings) },
    'webhook-failing': { everyMs: 0, judge: (settings) => failingWebhooks(deps, settings) },
  };

  async function lookAt(kind: AlertKind, settings: AlertSettings, open: readonly Alert[]): Promise<void> {
    const watched = judges[kind];
    if (!isWatched(kind, settings)) {
      return apply(deps, open, { kind, findings: [], over: 'This alert was switched off.' });
    }
    const last = lookedMs.get(kind);
    if (last !== undefined && clock.now() - last < watched.everyMs) return undefined;
    const judgement = await watched.judge(settings);
    if (judgement === undefined) return undefined;
    lookedMs.set(kind, clock.now());
    return apply(deps, open, judgement);
  }

  return {
    async look() {
      const settings = (await world.settings())?.alerts ?? defaultAlertSettings;
      if (isFirst) await announceLate(deps);
      isFirst = false;
      const open = await Array.fromAsync(deps.alerts.open());
      for (const kind of alertKinds) {
        const ofKind = open.filter((alert) => alert.kind === kind);
        try {
          await lookAt(kind, settings, ofKind);
        } catch (error) {
          logger.warn({ kind, error: errorFacts(error) }, 'an alert could not be judged; tried again');
        }
        deps.metrics.alertsOpen.set({ kind }, ofKind.length);
      }
    },
  };
}

/** Writes what has changed; alerts of the kind only. */
async function apply(deps: AlertDeps, open: readonly Alert[], judgement: Judgement): Promise<void> {
  const { alerts, clock } = deps;
  const changes = reconcileAlerts(open, judgement);
  const nowIso = new Date(clock.now()).toISOString();
  for (const finding of changes.raise) {
    const before = await alerts.newest(judgement.kind, finding.about);
    if (before?.state === 'open') continue;
    const alert = raisedAlert(judgement.kind, finding, before, nowIso);
    // Before the alert: a crash in between makes the same events once more, and not none.
    await deps.announce(...(judgement.also?.(alert) ?? []));
    if (await alerts.insert(alert)) await tell(deps, alert);
  }
  for (const { id, finding } of changes.update) {
    const { message, remedy, details } = finding;
    await alerts.change(id, (alert) =>
      alert.state === 'open' ? { ...alert, message, remedy, details } : undefined,
    );
  }
  for (const id of changes.clear) {
    const cleared = await alerts.change(id, (alert) =>
      alert.state === 'open'
        ? { ...alert, state: 'cleared', clearedAt: nowIso, clearedBecause: judgement.over }
        : undefined,
    );
    if (cleared !== undefined) await tell(deps, cleared);
  }
}

/** The messages and events of an alert; what was there before is left as it is. */
async function tell(deps: AlertDeps, alert: Alert): Promise<void> {
  const settings = await deps.world.settings();
  const nowIso = new Date(deps.clock.now()).toISOString();
  const facts = { alertId: alert.id, kind: alert.kind, about: alert.about, message: alert.message };
  if (alert.state === 'open') deps.logger.warn(facts, 'alert raised');
  else deps.logger.info({ ...facts, because: alert.clearedBecause }, 'alert cleared');
  const notification = planAlertNotification(alert, settings, nowIso);
  if (
    notification !== undefined &&
    (await deps.book.insert(notification)) &&
    notification.state === 'pending'
  )
    deps.onPending();
  await deps.announce(...alertEvents(alert));
}

/** What a crash between the writing of an alert and its telling kept back. */
async function announceLate(deps: AlertDeps): Promise<void> {
  const since = new Date(deps.clock.now() - announceBackMs).toISOString();
  for await (const alert of deps.alerts.raisedSince(since)) {
    const notification = planAlertNotification(alert, undefined, since);
    if (notification !== undefined && (await deps.book.notification(notification.id)) !== undefined) continue;
    await tell(deps, alert);
  }
}

async function overdue(
  deps: AlertDeps,
  settings: AlertSettings,
  startedMs: number,
): Promise<Judgement | undefined> {
  const nowMs = deps.clock.now();
  if (nowMs - startedMs < graceAfterStartMs) return undefined;
  const findings: Finding[] = [];
  for await (const job of deps.world.jobs()) {
    if (!job.enabled || job.schedules.length === 0) continue;
    const runs = await deps.world.newestRuns(job.id, runsLookedAt);
    const finding = judgeOverdue(job, runs, settings, nowMs);
    if (finding !== undefined) findings.push(finding);
  }
  return { kind: 'job-overdue', findings, over: 'The job ran, or is not expected to any more.' };
}

async function oldPoints(deps: AlertDeps, settings: AlertSettings): Promise<Judgement> {
  const findings: Finding[] = [];
  for await (const job of deps.world.jobs()) {
    const finding = await oldPointsOf(deps, job, settings);
    if (finding !== undefined) findings.push(finding);
  }
  return {
    kind: 'restore-point-old',
    findings,
    over: 'Every mailbox of the job has a new enough restore point.',
  };
}

async function oldPointsOf(deps: AlertDeps, job: Job, settings: AlertSettings): Promise<Finding | undefined> {
  if (!job.enabled) return undefined;
  const runs = await deps.world.newestRuns(job.id, runsLookedAt);
  const whole = runs.find((run) => run.tasks.total > 0 && run.onlyMailboxes === undefined);
  const tasks = whole === undefined ? [] : await Array.fromAsync(deps.world.tasks(whole.id), slim);
  const wanted = new Set(tasks.map(({ repositoryId, mailboxId }) => headIdOf(repositoryId, mailboxId)));
  const safe = new Map<string, string>();
  for (const repositoryId of new Set(tasks.map((task) => task.repositoryId))) {
    for await (const head of deps.world.heads(repositoryId)) {
      const until = safeUntil(head);
      if (until !== undefined && wanted.has(head.id)) safe.set(head.id, until);
    }
  }
  return judgePoints(job, tasks, safe, settings, deps.clock.now());
}

const slim = ({
  mailboxId,
  mailboxAddress,
  repositoryId,
}: {
  mailboxId: string;
  mailboxAddress: string;
  repositoryId: string;
}) => ({
  mailboxId,
  mailboxAddress,
  repositoryId,
});

async function silentProxies(deps: AlertDeps, settings: AlertSettings): Promise<Judgement | undefined> {
  if (!deps.proxies.canSee()) return undefined;
  const all = await Array.fromAsync(deps.world.proxies());
  const findings = judgeProxies(all, (id) => deps.proxies.silentSince(id), settings, deps.clock.now());
  // One that is heard again, or not yet missed for long enough after a start of this process, is told apart here.
  const isUnknown = (about: string) =>
    all.some(({ id, stoppedAt }) => id === about && stoppedAt === undefined) &&
    deps.proxies.silentSince(about) !== undefined &&
    !isReplacedNow(all, about, deps);
  return {
    kind: 'proxy-offline',
    findings,
    isUnknown,
    over: 'The proxy is heard again, was replaced or removed.',
  };
}

function isReplacedNow(
  all: readonly { id: string; host: string; pool: string; startedAt: string }[],
  about: string,
  { proxies }: AlertDeps,
): boolean {
  const me = all.find(({ id }) => id === about);
  return all.some(
    (other) =>
      me !== undefined &&
      other.host === me.host &&
      other.pool === me.pool &&
      other.startedAt > me.startedAt &&
      proxies.silentSince(other.id) === undefined,
  );
}

async function credentials(deps: AlertDeps, settings: AlertSettings): Promise<Judgement> {
  const all = await Array.fromAsync(deps.world.organizations());
  const findings = judgeCredentials(all, settings, deps.clock.now());
  return { kind: 'credential-expiring', findings, over: 'The organization has a credential that lasts.' };
}

async function guards({ world }: AlertDeps): Promise<Judgement> {
  const open = await Array.fromAsync(world.openGuards());
  const names = new Map<string, string>();
  if (open.length > 0) for await (const { id, name } of world.jobs()) names.set(id, name);
  return {
    kind: 'retention-guarded',
    findings: judgeGuards(open, names),
    over: 'The plan was approved, or changed.',
  };
}

async function failingWebhooks(deps: AlertDeps, settings: AlertSettings): Promise<Judgement> {
  const findings = judgeWebhooks(await deps.world.webhooks(), settings, deps.clock.now());
  return { kind: 'webhook-failing', findings, over: 'The webhook takes events again, or was switched off.' };
}

async function fullDisks(deps: AlertDeps, settings: AlertSettings): Promise<Judgement> {
  const findings: Finding[] = [];
  const unknown = new Set<string>();
  const spaces = new Map<string, Space>();
  const nowIso = new Date(deps.clock.now()).toISOString();
  for await (const repository of deps.world.repositories()) {
    const space: Space | undefined = await deps.measure(repository.id);
    if (space === undefined) {
      unknown.add(repository.id);
      continue;
    }
    spaces.set(repository.id, space);
    const finding = judgeSpace(repository, space, settings, nowIso);
    if (finding !== undefined) findings.push(finding);
  }
  return {
    kind: 'repository-space-low',
    findings,
    isUnknown: (about) => unknown.has(about),
    over: 'The disk has enough free space again.',
    also: (alert) => spaceEvents(alert, spaces.get(alert.about)),
  };
}
