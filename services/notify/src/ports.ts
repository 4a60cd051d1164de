import type {
  Alert,
  ErrorFacts,
  EventRecord,
  HoldfastEvent,
  Job,
  LedgerLine,
  MailboxHead,
  MailSettings,
  Notification,
  Organization,
  ProxyRecord,
  RepositoryRecord,
  RestoreSession,
  RetentionGuard,
  Run,
  RunTask,
  ScriptRecord,
  Settings,
  Webhook,
  WebhookDelivery,
  WebhookSettings,
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

export type { MailSettings };

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
  organization(id: string): Promise<Organization | undefined>;
  /** The newest runs of a job with a number below this one, newest first. */
  runsBefore(jobId: string, number: number, limit: number): Promise<Run[]>;
  task(id: string): Promise<RunTask | undefined>;
  /** The scripts of a run, at most two. */
  scripts(runId: string): Promise<ScriptRecord[]>;
  alert(id: string): Promise<Alert | undefined>;
  openAlerts(): AsyncIterable<Alert>;
  jobs(): AsyncIterable<Job>;
  /** The digest planned last. */
  newestDigest(): Promise<Notification | undefined>;
  session(id: string): Promise<RestoreSession | undefined>;
  ledger(sessionId: string): AsyncIterable<LedgerLine>;
  /** Ended runs and restore sessions requested since a time. */
  endedRunsSince(requestedAt: string): AsyncIterable<Run>;
  endedSessionsSince(requestedAt: string): AsyncIterable<RestoreSession>;
}

/** Publishes events: durable when this resolves; the same event twice is one event. */
export type Announce = (...events: HoldfastEvent[]) => Promise<void>;

/** What a receiver said to a delivery. */
export type PostResult =
  | {
      kind: 'answered';
      status: number;
      /** Beginning of the body, bounded. */
      answer: string;
      /** The pause it asked for, ms. */
      retryAfterMs?: number | undefined;
      tookMs: number;
    }
  | { kind: 'failed'; error: string; tookMs: number };

/** Sends a body by HTTP POST; never throws, follows no redirect, and goes only where webhooks may go. */
export interface Poster {
  post(
    request: { url: string; headers: Readonly<Record<string, string>>; body: string },
    settings: WebhookSettings | undefined,
  ): Promise<PostResult>;
}

/** Opens the signing secrets of webhooks. */
export interface SecretOpener {
  open(sealed: string, context: string): string;
}

/** Webhooks and what is to be delivered to them, in the control data. */
export interface WebhookBook {
  webhooks(): Promise<Webhook[]>;
  webhook(id: string): Promise<Webhook | undefined>;
  changeWebhook(id: string, edit: (webhook: Webhook) => Webhook | undefined): Promise<Webhook | undefined>;
  delivery(id: string): Promise<WebhookDelivery | undefined>;
  /** False when there is one with this id already. */
  insertDelivery(delivery: WebhookDelivery): Promise<boolean>;
  /** The soonest pending ones of a webhook, due or not. */
  soonest(webhookId: string, limit: number): Promise<WebhookDelivery[]>;
  /** Compare-and-set; answers what was written, undefined when it was left alone. */
  changeDelivery(
    id: string,
    edit: (delivery: WebhookDelivery) => WebhookDelivery | undefined,
  ): Promise<WebhookDelivery | undefined>;
  pending(): Promise<number>;
  /** Events of the log from a time on, oldest first. */
  eventsSince(time: string): AsyncIterable<EventRecord>;
  settings(): Promise<Settings | undefined>;
}

/** Alerts in the control data. */
export interface AlertBook {
  alert(id: string): Promise<Alert | undefined>;
  open(): AsyncIterable<Alert>;
  /** Raised at or after a time, open or not. */
  raisedSince(time: string): AsyncIterable<Alert>;
  /** The newest occurrence of a trouble of this thing. */
  newest(kind: Alert['kind'], about: string): Promise<Alert | undefined>;
  /** False when there is one with this id already. */
  insert(alert: Alert): Promise<boolean>;
  change(id: string, edit: (alert: Alert) => Alert | undefined): Promise<Alert | undefined>;
}

/** What alerts are judged by. */
export interface WatchedWorld {
  settings(): Promise<Settings | undefined>;
  jobs(): AsyncIterable<Job>;
  /** The newest runs of a job, newest first. */
  newestRuns(jobId: string, limit: number): Promise<Run[]>;
  tasks(runId: string): AsyncIterable<RunTask>;
  heads(repositoryId: string): AsyncIterable<MailboxHead>;
  proxies(): AsyncIterable<ProxyRecord>;
  organizations(): AsyncIterable<Organization>;
  repositories(): AsyncIterable<RepositoryRecord>;
  /** Plans of retention that wait for an approval. */
  openGuards(): AsyncIterable<RetentionGuard>;
  webhooks(): Promise<Webhook[]>;
}

/** The heartbeats of proxies as this process sees them. */
export interface ProxyWatch {
  /** False while the broker is away: then nothing can be said about proxies. */
  canSee(): boolean;
  /** Since when a proxy has been silent, ms since epoch, as seen here; undefined while it is heard. */
  silentSince(proxyId: string): number | undefined;
}

/** Free and whole size of the disk of a repository; undefined when nobody can say. */
export type MeasureRepository = (
  repositoryId: string,
) => Promise<{ freeBytes: number; totalBytes: number } | undefined>;
