import {
  type FolderExclusion,
  type Gap,
  type HoldfastEvent,
  type MailboxHead,
  pointIdOf,
  type RestorePointRecord,
  type SyncTask,
  taskIdOf,
} from '@holdfast/contracts';
import type { Folder, MailboxReader } from '@holdfast/exchange';
import { type MemoryMailbox, memoryExchange } from '@holdfast/exchange/testing';
import type { CrashPlan } from '@holdfast/testing';
import type { AgeLimit } from '../domain/ageLimit.ts';
import { createByteBudget } from '../domain/byteBudget.ts';
import type { SyncSettings } from '../domain/mailboxWork.ts';
import { type SyncEnd, syncMailbox } from '../domain/syncMailbox.ts';
import { readHeadState } from '../domain/syncState.ts';
import { type InterruptReason, MailboxTaken } from '../errors.ts';
import type { Heads, MailboxRepository, Records, StoredHead, TaskResult, WriteRight } from '../ports.ts';
import { PointVault } from './pointVault.ts';

export const testSettings: SyncSettings = {
  contentsAtOnce: 3,
  sliceItems: 2,
  foldersAhead: 2,
  checkpoint: { items: 2, bytes: 1 << 30, ms: 1 << 30 },
  reconcileAfterMs: 30 * 24 * 3600_000,
  gapLimit: 1000,
};

export interface RunOptions {
  runId?: string;
  crash?: CrashPlan;
  interruption?: () => Promise<InterruptReason | undefined>;
  lenient?: boolean;
  settings?: Partial<SyncSettings>;
  right?: WriteRight;
  /** Put around the ports of this attempt. */
  wrap?: (ports: AttemptPorts) => Partial<AttemptPorts>;
}

/** The steps of a task's end, for the contract of the control data lets a crash come between any two of them. */
export interface EndSteps {
  addPoint(record: RestorePointRecord): Promise<void>;
  emit(events: readonly HoldfastEvent[]): Promise<void>;
  endTask(taskId: string, result: TaskResult): Promise<void>;
}

const recordsOf = (heads: Heads, steps: EndSteps): Records => ({
  async conclude({ point, head, events, taskId, result }) {
    if (point !== undefined) await steps.addPoint(point);
    if (head !== undefined) await heads.write(head.head, head.version);
    await steps.emit(events);
    await steps.endTask(taskId, result);
  },
});

export interface AttemptPorts {
  heads: Heads;
  records: EndSteps;
  repository: MailboxRepository;
  reader: MailboxReader;
}

/** One mailbox, one repository and the control data, all in memory, that outlive the attempts to back it up. */
export class SyncWorld {
  readonly exchange = memoryExchange();
  readonly mailbox: MemoryMailbox;
  readonly vault = new PointVault();
  head: StoredHead | undefined;
  readonly pointRecords = new Map<string, RestorePointRecord>();
  readonly events = new Map<string, HoldfastEvent>();
  readonly taskResults = new Map<string, TaskResult>();
  readonly endings: string[] = [];
  now = Date.UTC(2026, 2, 1);
  /** What the runs from now on leave out. */
  excludeFolders: FolderExclusion[] = [];
  recoverable = false;
  age: AgeLimit | undefined;
  /** The job, and the schedule, of the runs from now on. */
  madeBy: Pick<SyncTask, 'jobId' | 'scheduleId' | 'ownRetention'> = { jobId: 'job-1' };
  runNumber = 0;

  constructor() {
    this.mailbox = this.exchange.addMailbox({ userId: 'u1', address: 'ann@example.com' });
    this.mailbox.pageSize = 3;
  }

  task(runId: string): SyncTask {
    return {
      taskId: taskIdOf(runId, 'mbx-1'),
      runId,
      ...this.madeBy,
      organizationId: 'org-1',
      repositoryId: 'repo-1',
      mailboxId: 'mbx-1',
      pointTime: new Date(this.runTimes.get(runId) ?? this.now).toISOString(),
    };
  }

  private readonly runTimes = new Map<string, number>();

  /** A new run; its time is assigned now. */
  startRun(): string {
    this.now += 3600_000;
    const runId = `run-${++this.runNumber}`;
    this.runTimes.set(runId, this.now);
    return runId;
  }

  heads(): Heads {
    return {
      read: async () => structuredClone(this.head),
      write: async (head: MailboxHead, version: number | undefined) => {
        if (this.head?.version !== version) throw new MailboxTaken('version');
        this.head = { head: structuredClone(head), version: (version ?? 0) + 1 };
        return structuredClone(this.head);
      },
    };
  }

  records(): EndSteps {
    return {
      addPoint: async (record) => {
        if (!this.pointRecords.has(record.id)) this.pointRecords.set(record.id, record);
      },
      emit: async (events) => {
        for (const event of events) if (!this.events.has(event.id)) this.events.set(event.id, event);
      },
      endTask: async (taskId, result) => {
        if (this.taskResults.has(taskId)) return;
        this.endings.push(taskId);
        this.taskResults.set(taskId, result);
      },
    };
  }

  /** One attempt of a run, in a process of its own. */
  async attempt(options: RunOptions = {}): Promise<SyncEnd> {
    const runId = options.runId ?? this.startRun();
    const watch = <T extends object>(name: string, port: T): T =>
      options.crash === undefined ? port : options.crash.watch(name, port);
    const ref = { userId: 'u1', address: 'ann@example.com' };
    const ports: AttemptPorts = {
      heads: this.heads(),
      records: this.records(),
      repository: this.vault.repository(runId),
      reader: await this.exchange.reader(ref, {
        signal: new AbortController().signal,
        recoverable: this.recoverable,
      }),
    };
    Object.assign(ports, options.wrap?.(ports) ?? {});
    const heads = watch('heads', ports.heads);
    return syncMailbox(
      {
        task: this.task(runId),
        mailboxAddress: 'ann@example.com',
        settings: { ...testSettings, ...options.settings },
        lenient: options.lenient ?? false,
        excludeFolders: this.excludeFolders,
        age: this.age,
      },
      {
        heads,
        repository: watch('repository', ports.repository),
        records: recordsOf(heads, watch('records', ports.records)),
        openReader: async () => watch('reader', ports.reader),
        clock: { now: () => this.now++ },
        bytes: createByteBudget(1 << 20),
        right: options.right ?? { lost: new AbortController().signal, take: async () => undefined },
        interruption: options.interruption ?? (async () => undefined),
        onProgress: () => undefined,
        onTrouble: () => undefined,
      },
    );
  }

  /** What the newest restore point shows, comparable with `source()`. */
  stored(): Record<string, Record<string, string>> {
    const newest = this.vault.newest();
    if (newest === undefined) return {};
    const gaps = new Set(this.gaps().map((gap) => gap.itemKey));
    const shown: Record<string, Record<string, string>> = {};
    for (const [folderId, entries] of this.vault.contentsOf(newest)) {
      shown[folderId] = Object.fromEntries(
        [...entries]
          .filter(([key]) => !gaps.has(key))
          .map(([key, { entry, mime }]) => [key, `${stateText(entry.state)} ${mime}`]),
      );
    }
    return shown;
  }

  /** Folders of the mailbox that are to be backed up. */
  included(): Folder[] {
    const { folders } = this.mailbox;
    const names = (id: string | null): string => {
      const folder = id === null ? undefined : folders.get(id);
      return folder === undefined ? '' : `${names(folder.parentId)}/${folder.name}`;
    };
    const isNamed = (folder: Folder) =>
      this.excludeFolders.some((one) =>
        one.kind === 'well-known'
          ? one.name === folder.role
          : names(folder.id).toLowerCase() === one.path.toLowerCase(),
      );
    const isOut = (id: string | null): boolean => {
      const folder = id === null ? undefined : folders.get(id);
      return folder !== undefined && (isNamed(folder) || isOut(folder.parentId));
    };
    return [...folders.values()].filter(
      ({ id }) => !isOut(id) && (this.recoverable || !this.mailbox.isRecoverable(id)),
    );
  }

  private isOld(message: Record<string, unknown>): boolean {
    const time = this.age?.by === 'modified' ? message.lastModifiedDateTime : message.receivedDateTime;
    return this.age !== undefined && Date.parse(String(time)) < this.age.before;
  }

  /** The mailbox as it is, without what is left out and the items that the newest point names as gaps. */
  source(): Record<string, Record<string, string>> {
    const gaps = new Set(this.gaps().map((gap) => gap.itemKey));
    const shown: Record<string, Record<string, string>> = {};
    for (const { id: folderId } of this.included()) {
      shown[folderId] = Object.fromEntries(
        this.mailbox
          .inFolder(folderId)
          .filter((held) => !gaps.has(held.message.id) && !this.isOld(held.message))
          .map((held) => [
            held.message.id,
            `${stateText(held.message)} ${Buffer.from(held.mime).toString('latin1')}`,
          ]),
      );
    }
    return shown;
  }

  gaps() {
    return this.vault.newest()?.facts.gaps ?? [];
  }

  /** The open gaps after the last run: in the head when that run made no point. */
  openGaps(): Gap[] {
    return readHeadState(this.head?.head.cursors).gaps ?? [];
  }

  /** True for an item that the source refuses, or refused when it was tried last. */
  isInTrouble(itemKey: string): boolean {
    const { faults } = this.mailbox;
    const next = this.openGaps().find((gap) => gap.itemKey === itemKey)?.nextTry ?? '';
    return (
      faults.corrupt.has(itemKey) || faults.vanishOnContent.has(itemKey) || Date.parse(next) > this.now - 1000
    );
  }

  pointIdOf(runId: string): string {
    return pointIdOf(runId, 'mbx-1');
  }
}

/** The state in the words of the memory reader. */
function stateText(message: Record<string, unknown>): string {
  return JSON.stringify(
    Object.fromEntries(stateNames.filter((name) => message[name] !== undefined).map((n) => [n, message[n]])),
  );
}

const stateNames = ['isRead', 'flag', 'categories', 'importance', 'inferenceClassification'];
