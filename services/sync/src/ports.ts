import type {
  ErrorFacts,
  Gap,
  HoldfastEvent,
  JsonObject,
  MailboxHead,
  RestorePointRecord,
  Run,
  RunTask,
  Totals,
} from '@holdfast/contracts';
import type { ItemContent } from '@holdfast/exchange';
import type { KnownPoint } from './domain/planSync.ts';
import type { InterruptReason } from './errors.ts';

/** A folder in the tree of a restore point. */
export interface FolderEntry {
  id: string;
  parentId: string | null;
  name: string;
  role?: string;
  /** Container class such as `IPF.Note`. */
  class?: string;
  hidden?: boolean;
}

/**
 * An item in the tree of a restore point. `changeKey` holds the source's `contentKey` (a digest over everything but
 * the state), so that the next run knows without a request whether the content must be fetched again.
 */
export interface ItemEntry {
  key: string;
  /** ms since epoch; the order of the tree */
  time: number;
  objectId: string;
  changeKey: string;
  /** Bytes of the MIME. */
  size: number;
  state: JsonObject;
  summary: JsonObject;
}

export interface TreeCounts {
  items: number;
  folders: number;
}

/** The tree of one mailbox being changed; only touched pages are held. Nothing is durable before a point is made of its `commit`. */
export interface MailboxTree {
  folders(): Promise<FolderEntry[]>;
  itemCount(folderId: string): Promise<number>;
  putFolder(folder: FolderEntry): Promise<void>;
  /** Removes the folder with its items; its subfolders stay. */
  removeFolder(folderId: string): Promise<void>;
  getItem(folderId: string, key: string, time?: number): Promise<ItemEntry | undefined>;
  /** `known` is what `getItem` gave for this folder and key. */
  putItem(folderId: string, entry: ItemEntry, known: ItemEntry | undefined): Promise<void>;
  removeItem(folderId: string, known: ItemEntry): Promise<void>;
  items(folderId: string): AsyncIterable<ItemEntry>;
  /** An item as any folder of the base had it, at exactly this time; cheap. */
  findInBase(key: string, time: number): Promise<ItemEntry | undefined>;
  commit(): Promise<{ root: string; counts: TreeCounts }>;
  /** Gives back what the tree holds outside of memory. */
  close(): Promise<void>;
}

export interface StoredContent {
  objectId: string;
  /** Bytes of the MIME. */
  size: number;
  /** Bytes that the repository grew by; 0 for what it had. */
  newBytes: number;
}

/** What a restore point says of itself besides its tree. */
export interface PointFacts {
  pointId: string;
  kind: 'full' | 'checkpoint';
  /** ms since epoch */
  time: number;
  startedAt: number;
  finishedAt: number;
  root: string;
  /** Id of the complete point before it. */
  parentId: string | undefined;
  cursors: JsonObject;
  counts: TreeCounts;
  /** What this run did. */
  totals: Totals;
  /** Items that the source reported, for completeness; undefined when it gave no numbers. */
  reportedItems: number | undefined;
  gaps: Gap[];
  /** What the task reports; repeated from here after a crash. */
  extra: JsonObject;
}

/** A restore point as read from the repository. */
export interface ReadPoint extends KnownPoint {
  /** ms since epoch */
  startedAt: number;
  /** ms since epoch */
  finishedAt: number;
  gaps: Gap[];
  counts: TreeCounts;
  extra: JsonObject;
}

/**
 * The way to add restore points of one mailbox to one repository.
 */
export interface PointWriter {
  /** Aborted when nothing may be written any more. */
  readonly lost: AbortSignal;
  storeItem(content: ItemContent): Promise<StoredContent>;
  openTree(baseRoot: string | undefined): Promise<MailboxTree>;
  /**
   * Makes everything stored before durable, then adds the point, in this order (P2). Gives back the point that is there
   * when its id is taken.
   */
  commitPoint(facts: PointFacts): Promise<{ name: string; adopted: boolean }>;
}

export interface PointReader {
  /** Newest complete point, newest checkpoint and the complete point of this id, from the names in the repository. */
  newest(pointId: string): Promise<NewestPoints>;
  has(name: string): Promise<boolean>;
  /** @throws vanished when the repository does not have it */
  read(name: string): Promise<ReadPoint>;
}

export interface NewestPoints {
  full: ReadPoint | undefined;
  checkpoint: ReadPoint | undefined;
  own: ReadPoint | undefined;
}

/** One mailbox in one repository; opening is lazy, so an unchanged mailbox costs no session. */
export interface MailboxRepository extends PointReader {
  writer(): Promise<PointWriter>;
}

/**
 * The right to write to a mailbox of a repository. It keeps two workers from wasting effort; that only one of them
 * succeeds is seen to by the head.
 */
export interface WriteRight {
  /** Aborted when it was taken and then lost. */
  readonly lost: AbortSignal;
  /** Later calls do nothing. @throws MailboxTaken when another worker has it */
  take(): Promise<void>;
}

export interface StoredHead {
  head: MailboxHead;
  version: number;
}

/** The head record of a mailbox; every write is a compare-and-set. */
export interface Heads {
  read(): Promise<StoredHead | undefined>;
  /** `version` undefined means: it must not be there. @throws MailboxTaken when somebody else wrote it. */
  write(head: MailboxHead, version: number | undefined): Promise<StoredHead>;
}

/** A write of a mailbox head that expects the version read before; `version` undefined: it must not be there. */
export interface HeadWrite {
  head: MailboxHead;
  version: number | undefined;
}

/** What the end of a task leaves in the control data, in the order in which it is written. */
export interface TaskEnd {
  /** The restore point that the task made. */
  point?: RestorePointRecord;
  head?: HeadWrite;
  events: readonly HoldfastEvent[];
  taskId: string;
  result: TaskResult;
}

/** Everything the end of a task is told to. */
export interface Records {
  /**
   * Writes the end of a task, in the order of `TaskEnd`. May be repeated: a point and events that are there stay, and a
   * result too. A process that dies meanwhile leaves a beginning of it.
   * @throws MailboxTaken when the head was written by another: neither events nor result are written then
   */
  conclude(end: TaskEnd): Promise<void>;
}

export type TaskResult = Pick<RunTask, 'state'> &
  Partial<
    Pick<RunTask, 'totals' | 'pointId' | 'newestPointTime' | 'gaps' | 'error' | 'startedAt' | 'excluded'>
  > & {
    finishedAt: string;
    attempts?: number;
    error?: ErrorFacts;
  };

export interface TaskRecords {
  task(taskId: string): Promise<RunTask | undefined>;
  run(runId: string): Promise<Run | undefined>;
}

/** Asked between pieces of work: why to leave now, if at all. */
export type InterruptionCheck = () => Promise<InterruptReason | undefined>;

/** Who a mailbox is inside a repository, and what its restore points say of their origin. */
export interface MailboxIdentity {
  identity: string;
  address: string;
  organizationId: string;
  runId: string;
  jobId: string;
}
