import type { EventName } from './event.ts';

/** When each event happens and what a subscriber may conclude from it; becomes `docs/events.md`. */
export const eventMeanings: Record<EventName, string> = {
  'run.requested':
    'Somebody, or the schedule, asked for a run of a job. It may still wait for a proxy or be skipped.',
  'run.started': 'The scope was resolved and the tasks, one a mailbox, are in the queue.',
  'run.stop-requested':
    'A run was asked to stop: waiting mailboxes are not begun, running ones stop at their next checkpoint.',
  'run.retry-started':
    'The mailboxes of a run that had failed are tried again, as part of the run; `retry` counts from 1.',
  'run.completed':
    'Every task of a run has ended, retries included; what is stored is durable. Sent once a run, with its outcome (`skipped`: it was not begun, `error` says why) and totals.',
  'mailbox.synced':
    'A mailbox was backed up, or found unchanged, in a run. With `changed` a restore point was made.',
  'mailbox.failed':
    'A mailbox could not be backed up in a run, after all attempts; older restore points are untouched.',
  'restore-point.created': 'A complete restore point is durable in its repository.',
  'restore-point.expired':
    'Retention removed a restore point; what only it needed is freed by garbage collection later.',
  'restore-point.condemned':
    'A restore point goes by its policy: it waits, restorable, until `removeAfter` and can be called back.',
  'restore-point.recalled':
    'A restore point left the waiting room and stays: somebody called it back, or a policy keeps it again.',
  'hold.placed': 'Somebody held a restore point, or all of a mailbox: retention takes none of it.',
  'hold.released': 'A hold was released; what it kept is under its policy again.',
  'retention.requested': 'Somebody asked for a retention pass now.',
  'retention.guarded':
    'A plan would take too many restore points of mailboxes at once; it waits until somebody approves it.',
  'retention.approved': 'Somebody approved the plans of a job that the guard had stopped.',
  'retention.completed':
    'A retention pass over a repository has ended; after a run it is told of only when something changed.',
  'restore.requested': 'A restore session was accepted.',
  'restore.planned':
    'A restore session has its plan; nothing was written yet. With `needsApproval` it waits for a person.',
  'restore.approved': 'Somebody approved the plan of a restore session, by its digest; it is carried out.',
  'restore.changed': 'Somebody asked a restore session to pause, to go on, or to be cancelled.',
  'restore.completed': 'A restore session has ended; its ledger has one line an item.',
  'organization.changed': 'An organization was added, changed, verified or removed.',
  'organization.credential-expiring':
    'The client secret or certificate of an organization ends within 30 days, or has ended. Once a day and application until it is replaced.',
  'pool.changed': 'What a pool of proxies serves was set, changed or removed.',
  'proxy.maintenance':
    'A proxy was put into maintenance (it finishes what it has in hand and takes no new mailbox) or taken out of it.',
  'script.ended': 'A pre- or post-run script of a job has ended, or was found interrupted.',
  'repository.attached': 'A repository was created or attached.',
  'job.changed': 'A job was added, changed or removed.',
  'proxy.online': 'A proxy joined its pool.',
  'proxy.offline': 'A proxy has not been heard of for longer than its heartbeat allows.',
  'alert.raised':
    'Something is wrong that nobody may have noticed (`kind` says what). Raised once while it lasts.',
  'alert.cleared': 'What an alert told of is over.',
  'repository.space-low': 'The disk of a repository has less free space than the alert settings ask for.',
  'webhook.changed':
    'A webhook was added, changed or removed, got a new secret, or was suspended after days of failures.',
  'webhook.tested': 'Somebody asked for a test delivery; it goes to that webhook, whatever its filter.',
  'notification.requested': 'Somebody asked for a test message.',
  'notification.sent': 'A mail server accepted a report or an alert.',
  'notification.failed': 'A report or an alert was given up after its retries.',
};
