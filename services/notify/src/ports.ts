import type {
  ErrorFacts,
  HoldfastEvent,
  Job,
  LedgerLine,
  Notification,
  RestoreSession,
  Run,
  RunTask,
  Settings,
} from '@holdfast/contracts';

/** A message ready to be sent. */
export interface MailMessage {
  from: string;
  to: readonly string[];
  subject: string;
  messageId: string;
  text: string;
  html: string;
  attachments: readonly { filename: string; contentType: string; content: string }[];
}

/** What a mail server said to a message. */
export type MailResult =
  | {
      kind: 'answered';
      /** Recipients for whom the server took the message. */
      accepted: readonly string[];
      refused: readonly { recipient: string; reason: string; isPermanent: boolean }[];
    }
  | { kind: 'failed'; error: ErrorFacts; isPermanent: boolean };

export type MailSettings = NonNullable<Settings['mail']>;

/** Sends a message by SMTP; never throws, what went wrong is in the result. */
export interface Mailer {
  send(settings: MailSettings, message: MailMessage): Promise<MailResult>;
}

/** Notifications in the control data; they are kept there, not in the broker. */
export interface NotificationBook {
  notification(id: string): Promise<Notification | undefined>;
  /** False when a notification with this id is there already. */
  insert(notification: Notification): Promise<boolean>;
  pending(): AsyncIterable<Notification>;
  /** Ended at or after a time; for events that a crash kept back. */
  endedSince(createdAt: string): AsyncIterable<Notification>;
  /** Compare-and-set; answers what was written, undefined when it was left alone. */
  change(
    id: string,
    edit: (notification: Notification) => Notification | undefined,
  ): Promise<Notification | undefined>;
}

/** What reports are made of. */
export interface ReportSource {
  settings(): Promise<Settings | undefined>;
  run(id: string): Promise<Run | undefined>;
  job(id: string): Promise<Job | undefined>;
  /** By position, page by page. */
  tasks(runId: string, states?: readonly RunTask['state'][]): AsyncIterable<RunTask>;
  session(id: string): Promise<RestoreSession | undefined>;
  ledger(sessionId: string): AsyncIterable<LedgerLine>;
  /** Ended runs and restore sessions requested since a time. */
  endedRunsSince(requestedAt: string): AsyncIterable<Run>;
  endedSessionsSince(requestedAt: string): AsyncIterable<RestoreSession>;
}

/** Publishes events: durable when this resolves; the same event twice is one event. */
export type Announce = (...events: HoldfastEvent[]) => Promise<void>;
