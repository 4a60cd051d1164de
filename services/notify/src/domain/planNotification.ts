import {
  type Alert,
  type ErrorFacts,
  type Job,
  type MailSettings,
  type Notification,
  type Organization,
  type RestoreSession,
  type Run,
  type Settings,
  zoneOfSchedules,
} from '@holdfast/contracts';
import { alertSubject } from './alertMail.ts';
import { restoreSubject, runSubject, templateSubject } from './subjectLine.ts';

const reportedOutcome = { cancelled: 'stopped' } as const;

/** What the settings of a job say about its reports. */
export type ReportedJob = Pick<Job, 'recipients' | 'schedules' | 'notifications'>;

/** The notification of an ended run, to be inserted once. Undefined for a run that was skipped: nothing happened. */
export function planRunNotification(
  run: Run,
  job: ReportedJob | undefined,
  settings: Settings | undefined,
  nowIso: string,
  organization?: Pick<Organization, 'name'>,
): Notification | undefined {
  const outcome = run.outcome ?? run.state;
  if (outcome === 'skipped') return undefined;
  const timeZone = timeZoneOf(job);
  const template = settings?.mail?.subject;
  const subject =
    template === undefined
      ? runSubject(run, timeZone)
      : templateSubject(template, run, organization?.name ?? run.organizationId, timeZone);
  const matter = { kind: 'run-report' as const, refersTo: run.id, subject };
  const refusal =
    refusalOf(settings?.mail) ?? wantsNot(outcome, settings?.mail, job) ?? inDigest(settings?.mail);
  if (refusal !== undefined) return suppressed(matter, refusal, nowIso);
  return plan(matter, reportRecipients(job, settings?.mail), settings, nowIso);
}

/** The zone in which the times of a job are told. */
export const timeZoneOf = (job: Pick<Job, 'schedules'> | undefined): string =>
  zoneOfSchedules(job?.schedules);

/** Who gets the reports of a job: the global recipients and its own, or its own instead of them. */
export function reportRecipients(
  job: Pick<Job, 'recipients' | 'notifications'> | undefined,
  mail: Pick<MailSettings, 'recipients'> | undefined,
): string[] {
  const own = job?.recipients ?? [];
  if (job?.notifications.recipients === 'replace' && own.length > 0) return distinct(own);
  return distinct([...(mail?.recipients ?? []), ...own]);
}

/** Whether an outcome of a job is reported: by its own wish, else by the global one. */
export function isReported(
  outcome: string,
  job: Pick<Job, 'notifications'> | undefined,
  mail: Pick<MailSettings, 'on'>,
): boolean {
  return ((job?.notifications.on ?? mail.on) as readonly string[]).includes(outcome);
}

/** The notification of an ended restore session. */
export function planRestoreNotification(
  session: RestoreSession,
  settings: Settings | undefined,
  nowIso: string,
): Notification {
  const outcome = session.state === 'cancelled' ? reportedOutcome.cancelled : session.state;
  const matter = { kind: 'restore-report' as const, refersTo: session.id, subject: restoreSubject(session) };
  const refusal = refusalOf(settings?.mail) ?? wantsNot(outcome, settings?.mail, undefined);
  if (refusal !== undefined) return suppressed(matter, refusal, nowIso);
  return plan(matter, settings?.mail?.recipients ?? [], settings, nowIso);
}

/** The notification that an alert was raised, or is over; undefined when no all-clear is wanted. */
export function planAlertNotification(
  alert: Alert,
  settings: Settings | undefined,
  nowIso: string,
): Notification | undefined {
  const isOver = alert.state === 'cleared';
  if (isOver && settings?.alerts?.allClear === false) return undefined;
  const kind = isOver ? ('alert-cleared' as const) : ('alert' as const);
  const matter = { kind, refersTo: alert.id, subject: alertSubject(alert) };
  const refusal = refusalOf(settings?.mail);
  if (refusal !== undefined) return suppressed(matter, refusal, nowIso);
  const own = settings?.alerts?.recipients ?? [];
  return plan(matter, own.length > 0 ? own : (settings?.mail?.recipients ?? []), settings, nowIso);
}

export const notificationIdOf = (kind: Notification['kind'], refersTo: string): string =>
  `${kind}.${refersTo}`;

type Matter = Pick<Notification, 'kind' | 'refersTo' | 'subject' | 'period'>;

/** A notification for these recipients, to be sent as soon as possible. */
export function plan(
  matter: Matter,
  recipients: readonly string[],
  settings: Settings | undefined,
  nowIso: string,
): Notification {
  const id = notificationIdOf(matter.kind, matter.refersTo);
  const mail = settings?.mail;
  const to = distinct(recipients);
  if (mail === undefined) return suppressed(matter, noSettings, nowIso);
  if (to.length === 0) return suppressed(matter, noRecipients, nowIso);
  const messageId = messageIdOf(id, mail.from);
  return {
    ...matter,
    id,
    tries: 0,
    createdAt: nowIso,
    recipients: to,
    messageId,
    state: 'pending',
    nextTry: nowIso,
  };
}

function suppressed(matter: Matter, error: ErrorFacts, nowIso: string): Notification {
  const id = notificationIdOf(matter.kind, matter.refersTo);
  const messageId = messageIdOf(id, 'none@holdfast.invalid');
  return {
    ...matter,
    id,
    tries: 0,
    createdAt: nowIso,
    recipients: [],
    messageId,
    state: 'suppressed',
    error,
  };
}

function refusalOf(mail: MailSettings | undefined): ErrorFacts | undefined {
  if (mail === undefined) return noSettings;
  return mail.enabled ? undefined : switchedOff;
}

function wantsNot(
  outcome: string,
  mail: MailSettings | undefined,
  job: Pick<Job, 'notifications'> | undefined,
): ErrorFacts | undefined {
  return mail === undefined || isReported(outcome, job, mail) ? undefined : notWanted(outcome);
}

const inDigest = (mail: MailSettings | undefined): ErrorFacts | undefined =>
  mail?.digest === undefined ? undefined : partOfDigest(mail.digest.time);

/** Made of the notification's id, so that a repeat after a crash is recognised by the receiver's mail server. */
const messageIdOf = (id: string, from: string): string => `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`;

function distinct(addresses: readonly string[]): string[] {
  const byKey = new Map<string, string>();
  for (const address of addresses)
    if (!byKey.has(address.toLowerCase())) byKey.set(address.toLowerCase(), address);
  return [...byKey.values()];
}

const noSettings: ErrorFacts = {
  code: 'mail-not-configured',
  errorClass: 'configuration',
  message: 'there are no mail settings, so nothing is sent',
  remedy: 'Enter the mail server and recipients in the settings.',
};
const switchedOff: ErrorFacts = {
  code: 'mail-switched-off',
  errorClass: 'configuration',
  message: 'mail is switched off in the settings',
  remedy: 'Switch it on in the mail settings, if messages are wanted.',
};
const noRecipients: ErrorFacts = {
  code: 'no-recipients',
  errorClass: 'configuration',
  message: 'neither the settings nor the job name a recipient',
  remedy: 'Enter recipients in the mail settings or in the job.',
};
const notWanted = (outcome: string): ErrorFacts => ({
  code: 'not-wanted',
  errorClass: 'configuration',
  message: `no report of the outcome ${outcome} is wanted`,
  remedy: 'Change for which outcomes reports are sent in the mail settings or the job, if one is wanted.',
});
const partOfDigest = (time: string): ErrorFacts => ({
  code: 'in-digest',
  errorClass: 'configuration',
  message: `the run is reported in the digest of ${time}`,
  remedy: 'Take the digest out of the mail settings, if a message for each run is wanted.',
});
