import {
  classOf,
  errorFacts,
  type LedgerLine,
  type PlanAction,
  type RestoreSession,
} from '@holdfast/contracts';
import type { CreatedItem, Difference, MailboxWriter, RestorableItem } from '@holdfast/exchange';
import { hasCode } from '../errors.ts';
import { type FolderDecision, renamedItem } from './conflictView.ts';
import { severalThere } from './decideItem.ts';
import type { MadeBefore } from './existingItems.ts';
import type { Restorable } from './restorableItem.ts';

/** What one item needs to be put back. */
export interface ItemContext {
  marker: string;
  renameSuffix: string;
  targetFolderId: string;
  writer: MailboxWriter;
  /** Items that another item of this attempt is about to replace. */
  claimed: Set<string>;
  /** Markers of this session. */
  isOurs: (marker: string) => boolean;
  /** Trouble that may pass ends the item instead of the attempt. */
  lenient: boolean;
}

/** What became of an item; the part adds which item it was. */
export type ItemOutcome = Pick<
  LedgerLine,
  | 'action'
  | 'newId'
  | 'replacedId'
  | 'readBack'
  | 'differences'
  | 'notRestored'
  | 'note'
  | 'error'
  | 'targetFolderId'
> & { taken: string[]; bytes: number; subject?: string };

/** What is to be done with an item: decided now, or seen from what an earlier attempt had made. */
export interface ItemTask extends FolderDecision {
  made?: MadeBefore | undefined;
}

/** Tells the items of a part of a session in the target. */
export const markerOf = (sessionId: string, part: number, itemKey: string): string =>
  `${sessionId}/${part}/${itemKey}`;

/** ` (restored 2026-03-01)`: the same on every attempt of the session. */
export const renameSuffixOf = ({ requestedAt }: Pick<RestoreSession, 'requestedAt'>): string =>
  ` (restored ${requestedAt.slice(0, 10)})`;

const nothingDone = { differences: [], notRestored: [], taken: [], bytes: 0 };

export const failedOutcome = (error: unknown): ItemOutcome => ({
  ...nothingDone,
  ...{ action: 'failed', readBack: 'not-read', error: errorFacts(error) },
});

/** The plan's word for what was done. */
export const planActionOf: Record<LedgerLine['action'], PlanAction> = {
  created: 'create',
  skipped: 'skip',
  renamed: 'rename',
  overwritten: 'overwrite',
  failed: 'cannot',
};

/**
 * Puts one item back and reads it back. Repeating it after a crash at any point makes no second item: what an earlier
 * attempt made is found by its marker. @throws what ends the whole attempt; trouble of the item alone is its outcome
 */
export async function restoreItem(
  context: ItemContext,
  restorable: Restorable,
  task: ItemTask,
): Promise<ItemOutcome> {
  try {
    const { targetFolderId } = context;
    const outcome = await place(context, restorable, task);
    return { ...outcome, targetFolderId };
  } catch (error) {
    if (endsTheAttempt(error, context.lenient)) throw error;
    return failedOutcome(error);
  }
}

async function place(
  context: ItemContext,
  { item, missing }: Restorable,
  task: ItemTask,
): Promise<ItemOutcome> {
  const { action, reason, taken } = task;
  if (action === 'skip') {
    return { ...nothingDone, action: 'skipped', readBack: 'not-read', taken, ...noteOf(reason) };
  }
  const wanted = action === 'rename' ? renamedItem(item, context.renameSuffix) : item;
  const replaces = action === 'overwrite' ? await toReplace(context, item, task) : undefined;
  if (replaces === 'several') {
    return { ...nothingDone, action: 'skipped', readBack: 'not-read', taken, ...noteOf(severalThere.reason) };
  }
  const created = await createOnce(context, wanted, task.made, replaces);
  const differences = await readBack(context, created.id, wanted);
  const outcome: ItemOutcome = {
    action: action === 'rename' ? 'renamed' : 'created',
    newId: created.id,
    readBack: differences === undefined ? 'not-read' : differences.length === 0 ? 'equal' : 'different',
    differences: differences ?? [],
    notRestored: [...missing, ...created.notRestored],
    taken: action === 'overwrite' ? [] : taken,
    bytes: created.bytesSent,
    ...(wanted.subject === undefined ? {} : { subject: wanted.subject }),
  };
  if (action !== 'overwrite') return outcome;
  if (replaces === undefined) return { ...outcome, note: 'What was to be overwritten was gone.' };
  // Nothing is taken away before what replaces it is proven to be there.
  if (outcome.readBack !== 'equal') {
    const note = 'What was there was kept beside it, because the restored item is not proven equal.';
    return { ...outcome, taken, note };
  }
  await context.writer.removeReplaced(created.id);
  return { ...outcome, action: 'overwritten', replacedId: replaces };
}

const noteOf = (note: string | undefined) => (note === undefined ? {} : { note });

/** The item that goes: the one an earlier attempt had chosen, or the only one of this identity. */
async function toReplace(
  { writer, targetFolderId, claimed, isOurs }: ItemContext,
  item: RestorableItem,
  { made }: ItemTask,
): Promise<string | undefined> {
  if (made !== undefined && !made.unfinished) return made.replaces;
  const there = await writer.sameAs(targetFolderId, item);
  const candidates = there.filter(
    ({ id, marker }) => !claimed.has(id) && !(marker !== undefined && isOurs(marker)),
  );
  const [only] = candidates;
  if (only === undefined) return undefined;
  if (candidates.length > 1) return 'several';
  claimed.add(only.id);
  return only.id;
}

/** Creating is not repeatable by itself: after an unclear end the folder is asked for the marker first. */
async function createOnce(
  { writer, targetFolderId, marker }: ItemContext,
  item: RestorableItem,
  made: MadeBefore | undefined,
  replaces: string | undefined,
): Promise<CreatedItem> {
  const adopted = await adopt(writer, made);
  if (adopted !== undefined) return adopted;
  try {
    return await writer.create(targetFolderId, item, marker, { replaces });
  } catch (error) {
    if (!mayHaveArrived(error)) throw error;
    const found = await findMarked(writer, targetFolderId, marker);
    return (await adopt(writer, found)) ?? (await writer.create(targetFolderId, item, marker, { replaces }));
  }
}

/** A complete item of an earlier attempt is the result; an unfinished one goes. */
async function adopt(writer: MailboxWriter, made: MadeBefore | undefined): Promise<CreatedItem | undefined> {
  if (made === undefined) return undefined;
  if (!made.unfinished) return { id: made.id, notRestored: [], bytesSent: 0 };
  await writer.removeUnfinished(made.id);
  return undefined;
}

const mayHaveArrived = (error: unknown): boolean =>
  classOf(error) === 'transient' && !hasCode(error, 'budget-lost');

async function findMarked(
  writer: MailboxWriter,
  folderId: string,
  marker: string,
): Promise<MadeBefore | undefined> {
  for await (const page of writer.existing(folderId)) {
    const found = page.find((item) => item.marker === marker);
    if (found !== undefined) {
      return { id: found.id, unfinished: found.unfinished === true, replaces: found.replaces };
    }
  }
  return undefined;
}

/** Undefined when it could not be read back: the item is there, so its line says "created, not read". */
async function readBack(
  { writer, targetFolderId, lenient }: ItemContext,
  id: string,
  item: RestorableItem,
): Promise<Difference[] | undefined> {
  try {
    return await writer.readBack(id, targetFolderId, item);
  } catch (error) {
    if (endsTheAttempt(error, lenient)) throw error;
    return undefined;
  }
}

/** Errors of our own side that look transient but say nothing about the item. */
export const notTheItem = ['budget-lost', 'session-taken', 'interrupted', 'store-transient'];

/** With these nothing else would work either, or it is not about the item. */
export function endsTheAttempt(error: unknown, lenient: boolean): boolean {
  if (hasCode(error, ...notTheItem)) return true;
  switch (classOf(error)) {
    case 'forbidden':
    case 'configuration':
    case 'permanent-mailbox':
    case 'throttled':
      return true;
    case 'transient':
      return !lenient;
    case 'vanished':
    case 'permanent-item':
    case 'ours':
      return false;
  }
}
