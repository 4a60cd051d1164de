import type { FolderExclusion, SyncTask, Totals } from '@holdfast/contracts';
import type { MailboxReader } from '@holdfast/exchange';
import { Interrupted, MailboxTaken } from '../errors.ts';
import type {
  FolderEntry,
  InterruptionCheck,
  MailboxRepository,
  MailboxTree,
  PointWriter,
} from '../ports.ts';
import type { AgeLimit } from './ageLimit.ts';
import type { ByteBudget } from './byteBudget.ts';
import { type CheckpointSettings, checkpointDue } from './checkpointPolicy.ts';
import type { GapLedger } from './gapLedger.ts';
import type { HeadFence } from './headFence.ts';
import type { MovedItems } from './movedItems.ts';
import type { SyncPlan } from './planSync.ts';
import type { SyncCursors } from './syncState.ts';

/** Numbers that shape the work on a mailbox. */
export interface SyncSettings {
  /** Contents of one mailbox being read and stored at the same time. */
  contentsAtOnce: number;
  /** Changes worked on between two looks at stop requests and the checkpoint policy. */
  sliceItems: number;
  /** Folders whose first page is asked for while another folder is worked on. */
  foldersAhead: number;
  checkpoint: CheckpointSettings;
  reconcileAfterMs: number;
  gapLimit: number;
}

export interface WorkClock {
  now(): number;
}

/** The tree and the session, opened when the first thing is to be changed. */
export interface OpenedWork {
  writer: PointWriter;
  tree: MailboxTree;
  folders: Map<string, FolderEntry>;
}

/** Everything the steps of one mailbox backup share. */
export interface MailboxWork {
  readonly task: SyncTask;
  readonly plan: SyncPlan;
  readonly reader: MailboxReader;
  readonly clock: WorkClock;
  readonly settings: SyncSettings;
  readonly startedAt: number;
  /** Trouble with single items becomes a gap where the first attempt would give the whole mailbox back. */
  readonly lenient: boolean;
  /** Folders that are not read, in one order. */
  readonly excludeFolders: readonly FolderExclusion[];
  readonly age: AgeLimit | undefined;
  readonly bytes: ByteBudget;
  readonly gaps: GapLedger;
  readonly moved: MovedItems;
  readonly cursors: SyncCursors;
  readonly totals: Totals;
  readonly fence: HeadFence;
  /** Items that the source reports by folder, as far as this run has heard. */
  readonly reported: Map<string, number>;
  readonly opened: OpenedWork | undefined;
  /** Folders in which something was changed in this attempt. */
  readonly touched: Set<string>;
  /** Contents stored since the last checkpoint. */
  readonly unsavedItems: number;
  /** Items in a row that became gaps for an unclear reason. */
  doubtful: number;
  /** Claims the mailbox and opens session and tree; later calls give the same. */
  open(): Promise<OpenedWork>;
  /** Called between pieces of work. @throws Interrupted, MailboxTaken */
  pause(): Promise<void>;
  /** Makes a checkpoint now. */
  save(): Promise<void>;
  /** Gives back what was opened. */
  close(): Promise<void>;
  /** Something was stored: counts for the checkpoint policy. */
  progressed(items: number, bytes: number): void;
}

export interface MailboxWorkInput
  extends Pick<
    MailboxWork,
    | 'task'
    | 'plan'
    | 'reader'
    | 'clock'
    | 'settings'
    | 'startedAt'
    | 'lenient'
    | 'excludeFolders'
    | 'age'
    | 'bytes'
    | 'gaps'
    | 'moved'
    | 'cursors'
    | 'totals'
    | 'fence'
  > {
  repository: MailboxRepository;
  baseRoot: string | undefined;
  leaseLost: AbortSignal;
  interruption: InterruptionCheck;
  checkpoint: (work: MailboxWork) => Promise<void>;
  onProgress: (work: MailboxWork) => void;
}

export function createMailboxWork(input: MailboxWorkInput): MailboxWork {
  const { repository, baseRoot, leaseLost, interruption, checkpoint, onProgress, ...shared } = input;
  let opening: Promise<OpenedWork> | undefined;
  let opened: OpenedWork | undefined;
  let since = { items: 0, bytes: 0, at: shared.startedAt };

  async function openNow(): Promise<OpenedWork> {
    await shared.fence.claim();
    const writer = await repository.writer();
    const tree = await writer.openTree(baseRoot);
    opened = { writer, tree, folders: new Map() };
    for (const folder of await tree.folders()) opened.folders.set(folder.id, folder);
    return opened;
  }

  const work: MailboxWork = {
    ...shared,
    reported: new Map(),
    touched: new Set(),
    doubtful: 0,
    get unsavedItems() {
      return since.items;
    },
    get opened() {
      return opened;
    },
    open() {
      opening ??= openNow();
      return opening;
    },
    async close() {
      await opened?.tree.close();
    },
    progressed(items, bytes) {
      since = { ...since, items: since.items + items, bytes: since.bytes + bytes };
    },
    async pause() {
      if (leaseLost.aborted) throw new MailboxTaken('the lease was lost', leaseLost.reason);
      if (opened?.writer.lost.aborted) throw opened.writer.lost.reason;
      const reason = await interruption();
      if (reason !== undefined) throw new Interrupted(reason);
      onProgress(work);
      const now = shared.clock.now();
      const done = { items: since.items, bytes: since.bytes, ms: now - since.at };
      if (!checkpointDue(done, shared.settings.checkpoint)) return;
      await work.save();
    },
    async save() {
      await checkpoint(work);
      since = { items: 0, bytes: 0, at: shared.clock.now() };
    },
  };
  return work;
}
