import type {
  Alert,
  Answered,
  Asked,
  AuditRecord,
  EventRecord,
  Group,
  Hold,
  HoldfastEvent,
  Job,
  LedgerLine,
  Mailbox,
  MailboxHead,
  Notification,
  Organization,
  PlanPage,
  Pool,
  Progress,
  ProxyHeartbeat,
  ProxyRecord,
  QuestionName,
  RepositoryRecord,
  RestorePart,
  RestorePointRecord,
  RestoreSession,
  RestoreTask,
  RetentionGuard,
  Run,
  RunTask,
  ScriptRecord,
  Settings,
  Token,
  Webhook,
  WebhookDelivery,
} from '@holdfast/contracts';
import type { Running } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Collection } from '@holdfast/store';

/** The collections that the API reads or writes. */
export interface Collections {
  organizations: Collection<Organization>;
  mailboxes: Collection<Mailbox>;
  repositories: Collection<RepositoryRecord>;
  jobs: Collection<Job>;
  runs: Collection<Run>;
  runTasks: Collection<RunTask>;
  restorePoints: Collection<RestorePointRecord>;
  holds: Collection<Hold>;
  retentionGuards: Collection<RetentionGuard>;
  restoreSessions: Collection<RestoreSession>;
  restoreParts: Collection<RestorePart>;
  restorePlan: Collection<PlanPage>;
  restoreLedger: Collection<LedgerLine>;
  events: Collection<EventRecord>;
  notifications: Collection<Notification>;
  tokens: Collection<Token>;
  audit: Collection<AuditRecord>;
  settings: Collection<Settings>;
  alerts: Collection<Alert>;
  webhooks: Collection<Webhook>;
  webhookDeliveries: Collection<WebhookDelivery>;
  proxies: Collection<ProxyRecord>;
  groups: Collection<Group>;
  mailboxHeads: Collection<MailboxHead>;
  pools: Collection<Pool>;
  runScripts: Collection<ScriptRecord>;
}

/** Seals a secret for the store; the API never needs to open one. */
export interface Sealing {
  seal(plain: string, context: string): string;
}

/**
 * Asks a proxy or a restore worker. A question that has no effect may be asked again.
 * @throws HoldfastError with the facts of the answerer, or `no-answer` (transient) when nobody is there.
 */
export type Ask = <N extends QuestionName>(
  name: N,
  request: Asked<N>,
  options?: {
    timeoutMs?: number;
    /** Whose proxies are asked; the API's own pool when absent. */
    pool?: string;
  },
) => Promise<Answered<N>>;

/** What this process sees of the moment: heartbeats and counters, from the broker's buckets. */
export interface LiveView {
  proxies(): ProxyHeartbeat[];
  progress(): Progress[];
  /** Calls back with each change of progress until stopped. */
  onProgress(listener: (progress: Progress) => void): () => void;
}

/** Events as they happen, from one subscription of this process. */
export interface EventHub {
  subscribe(listener: (event: HoldfastEvent) => void): () => void;
}

/** A Microsoft cloud that organizations can be in. */
export interface CloudFacts {
  name: string;
  title: string;
  authority: string;
  graphRoot: string;
  /** Why no organization can be in it. */
  refused?: string;
}

/** All that a handler may use. */
export interface ApiPorts {
  collections: Collections;
  sealing: Sealing;
  ask: Ask;
  /** Writes the event durably (log and outbox); the relay publishes it. A repeat is dropped. */
  announce(event: HoldfastEvent): Promise<void>;
  /** Offers the task to the workers, once for a reason; the restore service finds it in the store if this fails. */
  publishRestore(task: RestoreTask, pool: string, reason: string): Promise<void>;
  live: LiveView;
  hub: EventHub;
  clouds: readonly CloudFacts[];
  /** Why an organization cannot be in a cloud of this name; undefined when it can. */
  cloudRefusal(name: string): string | undefined;
  /** Next time a schedule of a job fires after `afterMs`; undefined when none does by the clock, or it is disabled. */
  nextFire(job: Job, afterMs: number): string | undefined;
  clock: Clock;
  logger: Logger;
  /** Pool that explores and restores, and verifies organizations. */
  pool: string;
  version: string;
}

export type { Running };
