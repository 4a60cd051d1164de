import { createHash } from 'node:crypto';
import {
  errorFacts,
  type Gap,
  HoldfastError,
  type PlanLine,
  type RestorePart,
  type RestoreSession,
} from '@holdfast/contracts';
import type { MailboxWriter } from '@holdfast/exchange';
import type { InterruptionCheck, PointContents } from '../ports.ts';
import { createConflictView, type FolderView } from './conflictView.ts';
import { addCost, type Cost, costOf } from './estimatePlan.ts';
import { checkInterruption } from './interruption.ts';
import { comparisonOf } from './keptState.ts';
import { folderTree, type PlannedFolder, planRestore, selectionOfPart } from './planRestore.ts';
import { type ReadItem, readItems } from './readItems.ts';
import { endsTheAttempt, markerOf, renameSuffixOf } from './restoreItem.ts';
import { limitsOf } from './restoreLimits.ts';
import { createTargetFolders, type TargetFolders } from './targetFolders.ts';

export interface PlanPorts {
  point: PointContents;
  writer: Pick<MailboxWriter, 'folders' | 'existing' | 'identityKey' | 'contentSign' | 'ensureFolder'>;
  /** Takes the lines in order, some hundred at a time. */
  add: (lines: readonly PlanLine[]) => Promise<void>;
  leaseLost: AbortSignal;
  interruption: InterruptionCheck;
}

/** A part's plan in numbers. */
export interface PartPlan {
  counts: Record<PlanLine['action'], number>;
  /** Lines that will have a ledger line. */
  items: number;
  partly: number;
  /** Bytes of what is written. */
  bytes: number;
  cost: Cost;
  foldersToCreate: number;
  /** Items of Recoverable Items that were not asked for. */
  recoverableLeft: number;
  /** SHA-256 over all lines. */
  digest: string;
}

const linesAtOnce = 200;

const notInFolder = (gaps: ReadonlyMap<string, Gap>) => (itemKey: string) => {
  const gap = gaps.get(itemKey);
  return gap === undefined
    ? itemNotInPoint()
    : new HoldfastError(gap.code, 'permanent-item', `It was not backed up: ${gap.reason}`);
};

export const itemNotInPoint = () =>
  new HoldfastError(
    'item-not-in-point',
    'permanent-item',
    'The item is not in this folder of the restore point.',
    { remedy: 'Choose the item from the list of the restore point.' },
  );

/**
 * Decides for every selected item what a restore would do with it now, and writes nothing to the target. The same
 * restore point and the same target give the same lines in the same order.
 * @throws RestoreRefused, Interrupted, SessionTaken, and what ends the attempt
 */
export async function planPart(
  session: RestoreSession,
  part: RestorePart,
  sameMailbox: boolean,
  ports: PlanPorts,
): Promise<PartPlan> {
  const { point, writer } = ports;
  const { input } = session;
  const folders = await point.folders();
  const { includeRecoverable } = input;
  const plan = planRestore(folders, selectionOfPart(input.selection, part), { includeRecoverable });
  const existing = await writer.folders();
  const targets = createTargetFolders({
    ...{ tree: folderTree(folders), writer, existing, sameMailbox, targetFolder: part.targetFolder },
    planned: new Set(plan.folders.map(({ folder }) => folder.id)),
  });
  const ours = markerOf(session.id, part.part, '');
  const view = createConflictView({
    ...{ writer, policy: input, folders: existing, comparison: comparisonOf(input.keep) },
    isOurs: (marker) => marker.startsWith(ours),
    isLedgered: () => false,
    takenBefore: () => undefined,
    renameSuffix: renameSuffixOf(session),
  });
  const lines = collectLines(ports.add);
  lines.plan.recoverableLeft = plan.recoverableLeft;
  let position = 0;
  for (const planned of plan.folders) {
    await checkInterruption(ports);
    const place = targets.placeOf(planned.folder.id);
    if (place.id === undefined) lines.plan.foldersToCreate++;
    const gaps = gapsOf(point.gaps, planned);
    const items = readItems(point, planned, {
      ...{ keep: input.keep, firstPosition: position, isWanted: () => true, missing: notInFolder(gaps) },
      onPosition: (at) => {
        position = at + 1;
      },
    });
    const folderView = await view.folder(place.id);
    for await (const read of items) {
      await checkInterruption(ports);
      await lines.add(lineOf(part, planned, targets, folderView, read));
    }
    if (planned.itemKeys === undefined) {
      for (const gap of gaps.values()) await lines.add(gapLine(part, planned, targets, gap));
    }
  }
  return lines.end();
}

function lineOf(
  { part }: RestorePart,
  { folder, path }: PlannedFolder,
  targets: TargetFolders,
  view: FolderView,
  read: ReadItem,
): PlanLine {
  const subject = read.entry?.summary.subject;
  const common = {
    ...{ part, position: read.position, itemKey: read.itemKey, folderPath: path },
    targetPath: targets.placeOf(folder.id).path,
    subject: typeof subject === 'string' ? subject : '',
    size: read.entry?.size ?? 0,
  };
  if ('error' in read) {
    if (endsTheAttempt(read.error, true)) throw read.error;
    return { ...common, action: 'cannot', reason: errorFacts(read.error).message, notes: [] };
  }
  const { action, reason } = view.decide(read.restorable.item);
  const notes = action === 'skip' ? [] : limitsOf(read.restorable);
  return { ...common, action, notes, ...(reason === undefined ? {} : { reason }) };
}

/** What the backup does not have of a folder. */
const gapsOf = (gaps: readonly Gap[], { folder }: PlannedFolder): Map<string, Gap> =>
  new Map(gaps.filter(({ folderId }) => folderId === folder.id).map((gap) => [gap.itemKey, gap]));

const gapLine = (
  { part }: RestorePart,
  { folder, path }: PlannedFolder,
  targets: TargetFolders,
  { itemKey, subject, reason }: Gap,
): PlanLine => ({
  ...{ part, itemKey, folderPath: path, targetPath: targets.placeOf(folder.id).path },
  ...{ subject: subject ?? '', action: 'cannot', size: 0, notes: [] },
  reason: `It was not backed up: ${reason}`,
});

/** Counts, hashes and hands on the lines. */
function collectLines(hand: PlanPorts['add']) {
  const hash = createHash('sha256');
  let waiting: PlanLine[] = [];
  const plan: PartPlan = {
    counts: { create: 0, skip: 0, overwrite: 0, rename: 0, cannot: 0 },
    ...{
      items: 0,
      partly: 0,
      bytes: 0,
      cost: { requests: 0, uploadBytes: 0 },
      foldersToCreate: 0,
      recoverableLeft: 0,
      digest: '',
    },
  };
  async function flush(): Promise<void> {
    if (waiting.length > 0) await hand(waiting);
    waiting = [];
  }
  return {
    plan,
    async add(line: PlanLine): Promise<void> {
      const { action, itemKey, folderPath, targetPath, size } = line;
      hash.update(`${JSON.stringify([itemKey, folderPath, targetPath, action, size])}\n`);
      const cost = costOf(action, size);
      plan.counts[action]++;
      if (line.position !== undefined) plan.items++;
      if (line.notes.length > 0) plan.partly++;
      plan.bytes += cost.uploadBytes;
      plan.cost = addCost(plan.cost, cost);
      waiting.push(line);
      if (waiting.length >= linesAtOnce) await flush();
    },
    async end(): Promise<PartPlan> {
      await flush();
      return { ...plan, digest: hash.digest('hex') };
    },
  };
}
