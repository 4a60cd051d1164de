import type {
  HoldfastEvent,
  Job,
  Mailbox,
  Organization,
  RepositoryRecord,
  RestorePointRecord,
  Run,
} from '@holdfast/contracts';

/** A restore point as its name in the repository tells it. */
export interface NamedPoint {
  name: string;
  pointId: string;
  kind: 'full' | 'checkpoint';
  /** Time that the point carries, ms since epoch. */
  timeMs: number;
}

/** The restore points of one repository, with the right to remove them. */
export interface PointStore {
  /** Points of a mailbox from a listing of names, by time. */
  points(mailboxIdentity: string): Promise<NamedPoint[]>;
  /** Job and run of a point, from inside it. Undefined when it is not there any more. */
  origin(name: string): Promise<{ jobId: string; runId: string } | undefined>;
  /** Removing what is not there is no error. */
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** @throws HoldfastError when the repository cannot be reached or opened */
export type OpenPointStore = (repository: RepositoryRecord) => Promise<PointStore>;

/** What retention reads and removes in the control data. */
export interface RetentionRecords {
  repository(id: string): Promise<RepositoryRecord | undefined>;
  repositories(): AsyncIterable<RepositoryRecord>;
  organization(id: string): Promise<Organization | undefined>;
  mailbox(id: string): Promise<Mailbox | undefined>;
  job(id: string): Promise<Job | undefined>;
  run(id: string): Promise<Run | undefined>;
  /** Mailboxes of which a run made a restore point. */
  changedMailboxes(runId: string): AsyncIterable<string>;
  /** Every mailbox that was ever backed up to a repository. */
  mailboxesIn(repositoryId: string): AsyncIterable<string>;
  pointRecords(repositoryId: string, mailboxId: string): Promise<RestorePointRecord[]>;
  removePointRecord(id: string): Promise<void>;
  /** Restore sessions that are not over, by the name of the restore point they use. */
  pointsInUse(repositoryId: string): Promise<Map<string, string>>;
}

/** Publishes events: durable when this resolves; the same event twice is one event. */
export type Announce = (...events: HoldfastEvent[]) => Promise<void>;
