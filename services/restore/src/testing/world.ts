import { createHash } from 'node:crypto';
import type {
  LedgerLine,
  PlanLine,
  RestoreInput,
  RestorePart,
  RestoreProgress,
  RestoreSession,
} from '@holdfast/contracts';
import { restoreInputSchema } from '@holdfast/contracts';
import type { MailboxWriter } from '@holdfast/exchange';
import { type MemoryMailbox, memoryExchange } from '@holdfast/exchange/testing';
import { canonicalJson, type JsonValue } from '@holdfast/repository';
import type { CrashPlan } from '@holdfast/testing';
import { buildRestorePart, buildRestoreSession } from '@holdfast/testing';
import { type PartPlan, planPart } from '../domain/planPart.ts';
import { restorePart } from '../domain/restorePart.ts';
import { readLedger, readPlannedActions } from '../domain/sessionLedger.ts';
import { createSessionProgress } from '../domain/sessionProgress.ts';
import type { InterruptReason } from '../errors.ts';
import type { Ledger, PointContents } from '../ports.ts';
import { memoryPointOf } from './memoryPoint.ts';

export interface AttemptOptions {
  crash?: CrashPlan;
  lenient?: boolean;
  itemsAtOnce?: number;
  interruption?: () => Promise<InterruptReason | undefined>;
  wrapWriter?: (writer: MailboxWriter) => void;
}

/** One session, the mailbox it writes to and its ledger, in memory, that outlive the attempts. */
export class RestoreWorld {
  readonly exchange = memoryExchange();
  readonly source: MemoryMailbox;
  readonly other: MemoryMailbox;
  readonly lines = new Map<string, LedgerLine>();
  point: PointContents | undefined;
  session: RestoreSession;
  part: RestorePart;
  /** The plan of the session, made before its first attempt. */
  planLines: PlanLine[] | undefined;
  now = Date.UTC(2026, 2, 1);
  /** Where the session writes to. */
  targetUserId = 'u1';

  constructor() {
    this.source = this.exchange.addMailbox({ userId: 'u1', address: 'ann@example.com' });
    this.other = this.exchange.addMailbox({ userId: 'u2', address: 'bo@example.com' });
    this.session = buildRestoreSession({ requestedAt: new Date(this.now).toISOString() });
    this.part = buildRestorePart();
  }

  /** The backup: the source as it is now. */
  async backUp(): Promise<void> {
    this.point = await memoryPointOf(this.exchange, { userId: 'u1', address: 'ann@example.com' });
  }

  ask(input: Partial<RestoreInput>, id = 'restore-1'): void {
    this.lines.clear();
    this.planLines = undefined;
    const folderPath = input.target?.folderPath ?? '';
    const targetFolder = folderPath.split('/').filter((name) => name !== '');
    this.part = buildRestorePart({ sessionId: id, targetFolder });
    this.session = buildRestoreSession({
      id,
      requestedAt: new Date(this.now).toISOString(),
      input: restoreInputSchema.parse({ repositoryId: 'repo-1', mailboxId: 'mbx-1', ...input }),
    });
  }

  ledger(): LedgerLine[] {
    return [...this.lines.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** What the session would do now. */
  async plan(): Promise<PartPlan> {
    const { signal } = new AbortController();
    const writer = await this.exchange.writer({ userId: this.targetUserId, address: 'target' }, { signal });
    const lines: PlanLine[] = [];
    const plan = await planPart(this.session, this.part, this.targetUserId === 'u1', {
      ...{ point: this.contents(), writer, leaseLost: signal, interruption: async () => undefined },
      add: async (more) => void lines.push(...more),
    });
    this.planLines = lines;
    return plan;
  }

  private contents(): PointContents {
    if (this.point === undefined) throw new Error('nothing was backed up');
    return this.point;
  }

  async attempt(options: AttemptOptions = {}): Promise<RestoreProgress> {
    if (this.planLines === undefined) await this.plan();
    const planLines = this.planLines ?? [];
    const watch = <T extends object>(name: string, port: T): T =>
      options.crash === undefined ? port : options.crash.watch(name, port);
    const { signal } = new AbortController();
    const writer = await this.exchange.writer({ userId: this.targetUserId, address: 'target' }, { signal });
    options.wrapWriter?.(writer);
    const ledger = watch('ledger', this.ledgerPort());
    const done = await readLedger(ledger.lines());
    const progress = createSessionProgress(this.session, () => this.now);
    progress.addDone(done.counters);
    progress.watch(writer.statistics);
    const settings = { itemsAtOnce: options.itemsAtOnce ?? 3, lenient: options.lenient ?? false };
    await restorePart(this.session, this.part, this.targetUserId === 'u1', settings, {
      ...{ ledger, done, planned: await readPlannedActions(each(planLines)) },
      point: watch('point', this.contents()),
      writer: watch('writer', writer),
      now: () => this.now++,
      leaseLost: signal,
      interruption: options.interruption ?? (async () => undefined),
      onFolder: (created) => progress.foldersCreated(0, created),
      onLine: async (line, { bytes }) => progress.add(line, bytes),
    });
    return {
      ...progress.now(),
      itemsTotal: planLines.filter(({ position }) => position !== undefined).length,
    };
  }

  private ledgerPort(): Ledger {
    const ledger = () => this.ledger();
    return {
      lines: async function* () {
        for (const line of ledger()) yield await Promise.resolve(line);
      },
      add: async (line) => {
        if (!this.lines.has(line.id)) this.lines.set(line.id, line);
      },
    };
  }

  /** What a mailbox shows, without ids: folder path → messages with their properties and attachments. */
  static shown(mailbox: MemoryMailbox): Record<string, string[]> {
    const pathOf = (id: string | null): string => {
      const folder = id === null ? undefined : mailbox.folders.get(id);
      return folder === undefined ? '' : `${pathOf(folder.parentId)}/${folder.name}`;
    };
    const shown: Record<string, string[]> = {};
    for (const folder of mailbox.folders.values()) {
      shown[pathOf(folder.id)] = mailbox
        .inFolder(folder.id)
        .map(({ message, attachments }) =>
          canonicalJson([
            ...['subject', 'from', 'toRecipients', 'receivedDateTime', 'sentDateTime', 'isRead'].map(
              (n) => message[n],
            ),
            ...['categories', 'flag', 'importance', 'internetMessageId', 'body', 'isDraft'].map(
              (n) => message[n],
            ),
            attachments.map(({ name, data }) => [name, createHash('sha256').update(data).digest('hex')]),
          ] as JsonValue),
        )
        .sort();
    }
    return shown;
  }
}

async function* each<T>(list: readonly T[]): AsyncIterable<T> {
  yield* list;
}
