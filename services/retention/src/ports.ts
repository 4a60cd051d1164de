import type {
  Hold,
  HoldfastEvent,
  Job,
  Mailbox,
  Organization,
  RepositoryRecord,
  RestorePointRecord,
  RetentionGuard,
  RetentionSettings,
  RetentionState,
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

/** What a restore point says of itself, from inside it. */
export type PointOrigin = Pick<
  RestorePointRecord,
  'jobId' | 'runId' | 'mailboxAddress' | 'committedAt' | 'itemsTotal' | 'folders' | 'gapsOpen' | 'totals'
>;

/** What removing restore points would free. */
export interface Freed {
  objects: number;
  bytes: number;
  /** `at-most`: other mailboxes were not all looked at; `not-measured`: there was too much to look at. */
  bound: 'exact' | 'at-most' | 'not-measured';
}

/** The restore points of one repository, with the right to remove them. */
export interface PointStore {
  /** Points of a mailbox from a listing of names, by time. */
  points(mailboxIdentity: string): Promise<NamedPoint[]>;
  /** Undefined when the point is not there any more. */
  origin(name: string): Promise<PointOrigin | undefined>;
  /** Removing what is not there is no error. */
  remove(name: string): Promise<void>;
  /** Objects that no restore point but these needs. */
  measureFreed(names: readonly string[]): Promise<Freed>;
  close(): Promise<void>;
}

/** @throws HoldfastError when the repository cannot be reached or opened */
export type OpenPointStore = (repository: RepositoryRecord) => Promise<PointStore>;

/** What retention reads in the control data. */
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
  /** Restore sessions that are not over, by the name of the restore point they use. */
  pointsInUse(repositoryId: string): Promise<Map<string, string>>;
  /** Holds on a mailbox and on its restore points. */
  holds(mailboxId: string): Promise<Hold[]>;
  settings(): Promise<RetentionSettings>;
}

/** Records of restore points: the waiting room is kept in them. */
export interface PointRecords {
  /** Leaves a record that is there as it is. */
  add(record: RestorePointRecord): Promise<void>;
  /**
   * Compare-and-set; `fn` answers undefined to leave the record alone.
   * @returns what was written; undefined when nothing was
   */
  change(
    id: string,
    fn: (record: RestorePointRecord) => RestorePointRecord | undefined,
  ): Promise<RestorePointRecord | undefined>;
  remove(id: string): Promise<void>;
}

/** Plans that were stopped. */
export interface Guards {
  get(id: string): Promise<RetentionGuard | undefined>;
  /** Compare-and-set; `fn` answers undefined to leave it alone. */
  upsert(id: string, fn: (guard: RetentionGuard | undefined) => RetentionGuard | undefined): Promise<void>;
  remove(id: string): Promise<void>;
  /** Those that nobody has approved yet. */
  open(repositoryId: string): AsyncIterable<RetentionGuard>;
}

/** How far the daily passes have come. */
export interface DailyState {
  get(): Promise<RetentionState | undefined>;
  served(until: string): Promise<void>;
}

/** Publishes events: durable when this resolves; the same event twice is one event. */
export type Announce = (...events: HoldfastEvent[]) => Promise<void>;
