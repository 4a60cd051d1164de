import type { ErrorFacts, Job, Notification, RestoreSession, Run, Settings } from '@holdfast/contracts';
import { restoreSubject, runSubject } from './subjectLine.ts';

const reportedOutcome = { cancelled: 'stopped' } as const;

/** The notification of an ended run, to be inserted once. Undefined for a run that was skipped: nothing happened. */
export function planRunNotification(
  run: Run,
  job: Pick<Job, 'recipients' | 'schedule'> | undefined,
  settings: Settings | undefined,
  nowIso: string,
): Notification | undefined {
  const outcome = run.outcome ?? run.state;
  if (outcome === 'skipped') return undefined;
  const timeZone = job?.schedule.kind === 'daily' ? job.schedule.timeZone : 'UTC';
  const matter = { kind: 'run-report' as const, refersTo: run.id, subject: runSubject(run, timeZone) };
  return plan(matter, outcome, job?.recipients ?? [], settings, nowIso);
}

/** The notification of an ended restore session. */
export function planRestoreNotification(
  session: RestoreSession,
  settings: Settings | undefined,
  nowIso: string,
): Notification {
  const outcome = session.state === 'cancelled' ? reportedOutcome.cancelled : session.state;
  const matter = { kind: 'restore-report' as const, refersTo: session.id, subject: restoreSubject(session) };
  return plan(matter, outcome, [], settings, nowIso);
}

export const notificationIdOf = (kind: Notification['kind'], refersTo: string): string =>
  `${kind}.${refersTo}`;

function plan(
  matter: Pick<Notification, 'kind' | 'refersTo' | 'subject'>,
  outcome: string,
  jobRecipients: readonly string[],
  settings: Settings | undefined,
  nowIso: string,
): Notification {
  const id = notificationIdOf(matter.kind, matter.refersTo);
  const mail = settings?.mail;
  const common = { id, ...matter, tries: 0, createdAt: nowIso };
  if (mail === undefined) return { ...common, ...suppressed(id, noSettings) };
  if (!(mail.on as readonly string[]).includes(outcome))
    return { ...common, ...suppressed(id, notWanted(outcome)) };
  const recipients = distinct([...mail.recipients, ...jobRecipients]);
  if (recipients.length === 0) return { ...common, ...suppressed(id, noRecipients) };
  return { ...common, recipients, messageId: messageIdOf(id, mail.from), state: 'pending', nextTry: nowIso };
}

const suppressed = (
  id: string,
  error: ErrorFacts,
): Pick<Notification, 'recipients' | 'messageId' | 'state' | 'error'> => ({
  recipients: [],
  messageId: messageIdOf(id, 'none@holdfast.invalid'),
  state: 'suppressed',
  error,
});

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
  message: 'there are no mail settings, so no report is sent',
  remedy: 'Enter the mail server and recipients in the settings.',
};
const noRecipients: ErrorFacts = {
  code: 'no-recipients',
  errorClass: 'configuration',
  message: 'neither the mail settings nor the job name a recipient',
  remedy: 'Enter recipients in the mail settings or in the job.',
};
const notWanted = (outcome: string): ErrorFacts => ({
  code: 'not-wanted',
  errorClass: 'configuration',
  message: `the mail settings ask for no report of the outcome ${outcome}`,
  remedy: 'Change for which outcomes reports are sent in the mail settings, if one is wanted.',
});
