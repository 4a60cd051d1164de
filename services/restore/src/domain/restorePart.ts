import type { LedgerLine, PlanAction, RestorePart, RestoreSession } from '@holdfast/contracts';
import type { MailboxWriter } from '@holdfast/exchange';
import type { InterruptionCheck, Ledger, PointContents } from '../ports.ts';
import { createConflictView, type FolderView } from './conflictView.ts';
import { checkInterruption } from './interruption.ts';
import { comparisonOf } from './keptState.ts';
import { itemNotInPoint } from './planPart.ts';
import { folderTree, type PlannedFolder, planRestore, selectionOfPart } from './planRestore.ts';
import { forEachAtOnce } from './pool.ts';
import { type ReadItem, readItems } from './readItems.ts';
import {
  endsTheAttempt,
  failedOutcome,
  type ItemOutcome,
  type ItemTask,
  markerOf,
  planActionOf,
  renameSuffixOf,
  restoreItem,
} from './restoreItem.ts';
import { type LedgerState, lineIdOf, type PlannedActions } from './sessionLedger.ts';
import { createTargetFolders, type TargetFolders } from './targetFolders.ts';

export interface RestorePorts {
  ledger: Ledger;
  /** What earlier attempts have done. */
  done: LedgerState;
  planned: PlannedActions;
  point: PointContents;
  writer: MailboxWriter;
  now: () => number;
  leaseLost: AbortSignal;
  interruption: InterruptionCheck;
  /** Called with each line after it was written. */
  onLine: (line: LedgerLine, facts: { bytes: number; size: number }) => Promise<void>;
  /** Called with the folders made so far, and where the work is. */
  onFolder: (created: number, path: string) => void;
}

export interface RestoreSettings {
  itemsAtOnce: number;
  /** True when trouble that may pass ends an item instead of the attempt. */
  lenient: boolean;
}

/** Everything the steps of one part share. */
interface Work extends RestorePorts {
  session: RestoreSession;
  part: RestorePart;
  settings: RestoreSettings;
  targets: TargetFolders;
  folderView: (targetFolderId: string) => Promise<FolderView>;
  isOurs: (marker: string) => boolean;
}

/**
 * Carries out one part of a session: every selected item ends with one ledger line. Repeating it goes on where an
 * earlier attempt ended. @throws Interrupted, SessionTaken, and what ends the attempt
 */
export async function restorePart(
  session: RestoreSession,
  part: RestorePart,
  sameMailbox: boolean,
  settings: RestoreSettings,
  ports: RestorePorts,
): Promise<void> {
  const { point, writer, done } = ports;
  const { input } = session;
  const folders = await point.folders();
  const { includeRecoverable } = input;
  const plan = planRestore(folders, selectionOfPart(input.selection, part), { includeRecoverable });
  const existing = await writer.folders();
  const ours = markerOf(session.id, part.part, '');
  const isOurs = (marker: string) => marker.startsWith(ours);
  const view = createConflictView({
    ...{ writer, policy: input, folders: existing, comparison: comparisonOf(input.keep), isOurs },
    isLedgered: (marker) => done.hasItem(marker.slice(ours.length)),
    takenBefore: (targetFolderId) => done.takenIn(targetFolderId),
    renameSuffix: renameSuffixOf(session),
  });
  const targets = createTargetFolders({
    ...{ tree: folderTree(folders), writer, existing, sameMailbox, targetFolder: part.targetFolder },
    planned: new Set(plan.folders.map(({ folder }) => folder.id)),
  });
  const folderView = (targetFolderId: string) => view.folder(targetFolderId);
  const work: Work = { ...ports, session, part, settings, targets, folderView, isOurs };
  let position = 0;
  for (const planned of plan.folders) position = await restoreFolder(work, planned, position);
}

/** Where the items of a folder go, or why none of them can go anywhere. */
type Place = { targetFolderId: string; view: FolderView } | { error: unknown };

interface ItemWork {
  read: ReadItem;
  place: Place;
  /** Undefined when the item cannot be read, or has no place. */
  task: ItemTask | undefined;
}

/** Gives back the position behind the folder. */
async function restoreFolder(work: Work, planned: PlannedFolder, firstPosition: number): Promise<number> {
  const { session, point, done, settings } = work;
  await checkInterruption(work);
  let position = firstPosition;
  let opening: Promise<Place> | undefined;
  const claimed = new Set<string>();
  const open = () => {
    opening ??= openPlace(work, planned);
    return opening;
  };
  // Decided one after the other in the order of the plan, carried out some at a time.
  async function* decided(): AsyncIterable<ItemWork> {
    const items = readItems(point, planned, {
      ...{ keep: session.input.keep, firstPosition, missing: itemNotInPoint },
      isWanted: (at) => !done.isDone(at),
      onPosition: (at) => {
        position = at + 1;
      },
    });
    for await (const read of items) {
      const place = await open();
      const task = 'error' in place || 'error' in read ? undefined : taskOf(work, place.view, read);
      if (task?.made?.replaces !== undefined) claimed.add(task.made.replaces);
      yield { read, place, task };
    }
  }
  await forEachAtOnce(decided(), settings.itemsAtOnce, async (item) => {
    await checkInterruption(work);
    await note(work, planned, item, await outcomeOf(work, item, claimed));
  });
  // An empty folder is part of the mailbox too.
  if (position === firstPosition && planned.itemKeys === undefined) await open();
  return position;
}

async function openPlace(work: Work, { folder, path }: PlannedFolder): Promise<Place> {
  try {
    const targetFolderId = await work.targets.targetOf(folder.id);
    work.onFolder(work.targets.created, path);
    return { targetFolderId, view: await work.folderView(targetFolderId) };
  } catch (error) {
    if (endsTheAttempt(error, work.settings.lenient)) throw error;
    return { error };
  }
}

/** What an earlier attempt decided can be seen: it renamed or replaced when the original is there. */
function taskOf(
  { session, part }: Work,
  view: FolderView,
  read: Extract<ReadItem, { restorable: unknown }>,
): ItemTask {
  const made = view.madeBefore(markerOf(session.id, part.part, read.itemKey));
  const { item } = read.restorable;
  if (made === undefined) return view.decide(item);
  if (made.replaces !== undefined) return { action: 'overwrite', taken: [], made };
  const { action, taken } = view.decide(item);
  return { action: action === 'rename' ? 'rename' : 'create', taken, made };
}

/** One bad folder fails its items, not the session (P7). */
async function outcomeOf(
  work: Work,
  { read, place, task }: ItemWork,
  claimed: Set<string>,
): Promise<ItemOutcome> {
  if ('error' in read) {
    if (endsTheAttempt(read.error, work.settings.lenient)) throw read.error;
    return failedOutcome(read.error);
  }
  if ('error' in place) return failedOutcome(place.error);
  if (task === undefined) throw new Error('an item with a place has a task');
  const { session, part, writer, settings, isOurs } = work;
  const context = {
    ...{ writer, claimed, isOurs, targetFolderId: place.targetFolderId, lenient: settings.lenient },
    marker: markerOf(session.id, part.part, read.itemKey),
    renameSuffix: renameSuffixOf(session),
  };
  return restoreItem(context, read.restorable, task);
}

async function note(
  work: Work,
  { path }: PlannedFolder,
  { read, task }: ItemWork,
  { bytes, ...outcome }: ItemOutcome,
): Promise<void> {
  const { session, part } = work;
  const subject = read.entry?.summary.subject;
  const planned = deviation(work.planned.at(read.position), outcome.action, task);
  const line: LedgerLine = {
    ...{ sessionId: session.id, part: part.part, itemKey: read.itemKey, folderPath: path },
    subject: typeof subject === 'string' ? subject : '',
    ...outcome,
    ...(planned === undefined ? {} : { planned }),
    id: lineIdOf(session.id, part.part, read.position),
    at: new Date(work.now()).toISOString(),
  };
  await work.ledger.add(line);
  await work.onLine(line, { bytes, size: read.entry?.size ?? 0 });
}

/** What the plan said, when the item was done otherwise; a failure is no decision. */
function deviation(
  planned: PlanAction | undefined,
  action: LedgerLine['action'],
  task: ItemTask | undefined,
): PlanAction | undefined {
  // What an earlier attempt had begun was decided then.
  if (planned === undefined || action === 'failed' || task?.made !== undefined) return undefined;
  return planned === planActionOf[action] ? undefined : planned;
}
