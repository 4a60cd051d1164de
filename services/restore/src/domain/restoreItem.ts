import { classOf, errorFacts, type LedgerLine } from '@holdfast/contracts';
import type { CreatedItem, Difference, MailboxWriter, RestorableItem } from '@holdfast/exchange';
import { hasCode } from '../errors.ts';
import type { PointContents, PointItem } from '../ports.ts';
import type { ExistingItems, MadeBefore } from './existingItems.ts';
import { type Restorable, restorableOf } from './restorableItem.ts';

/** What one item needs to be put back. */
export interface ItemContext {
  sessionId: string;
  onConflict: 'skip' | 'rename';
  /** ` (restored 2026-03-01)`: the same on every attempt of the session. */
  renameSuffix: string;
  folderPath: string;
  targetFolderId: string;
  existing: ExistingItems;
  point: PointContents;
  writer: MailboxWriter;
  /** Trouble that may pass ends the item instead of the attempt. */
  lenient: boolean;
}

/** The ledger line without its id. */
export type ItemOutcome = Omit<LedgerLine, 'id' | 'sessionId' | 'at'> & { bytes: number };

export const markerOf = (sessionId: string, itemKey: string): string => `${sessionId}/${itemKey}`;

/**
 * Puts one item back and reads it back. Repeating it after a crash at any point makes no second item: what an earlier
 * attempt made is found by its marker. @throws what ends the whole attempt; trouble of the item alone is its outcome
 */
export async function restoreItem(context: ItemContext, entry: PointItem): Promise<ItemOutcome> {
  const common = commonOf(context, entry);
  try {
    const restorable = restorableOf(entry, await context.point.read(entry.objectId));
    return await place(context, entry, restorable);
  } catch (error) {
    if (endsTheAttempt(error, context.lenient)) throw error;
    return { ...common, action: 'failed', readBack: 'not-read', error: errorFacts(error), bytes: 0 };
  }
}

const commonOf = (context: ItemContext, entry: PointItem) => ({
  itemKey: entry.key,
  folderPath: context.folderPath,
  subject: typeof entry.summary.subject === 'string' ? entry.summary.subject : '',
  differences: [],
  notRestored: [],
});

async function place(
  context: ItemContext,
  entry: PointItem,
  { item, missing }: Restorable,
): Promise<ItemOutcome> {
  const { existing, sessionId } = context;
  const common = commonOf(context, entry);
  const marker = markerOf(sessionId, entry.key);
  const made = existing.madeBefore(marker);
  const wanted = made === undefined ? chooseSubject(context, item) : itemMadeBefore(context, item);
  if (wanted === undefined) return { ...common, action: 'skipped', readBack: 'not-read', bytes: 0 };
  const created = await createOnce(context, wanted.item, marker, made);
  const differences = await readBack(context, created.id, wanted.item);
  return {
    ...common,
    subject: wanted.item.subject ?? common.subject,
    action: wanted.renamed ? 'renamed' : 'created',
    newId: created.id,
    readBack: differences === undefined ? 'not-read' : differences.length === 0 ? 'equal' : 'different',
    differences: differences ?? [],
    notRestored: [...missing, ...created.notRestored],
    bytes: created.bytesSent,
  };
}

/** Undefined: it is there and stays as it is. */
function chooseSubject(
  context: ItemContext,
  item: RestorableItem,
): { item: RestorableItem; renamed: boolean } | undefined {
  const { existing, writer, onConflict } = context;
  if (!existing.take(writer.identityKey(item))) return { item, renamed: false };
  if (onConflict === 'skip') return undefined;
  const renamed = renamedItem(context, item);
  // An earlier restore of the same day has put it beside already.
  return existing.take(writer.identityKey(renamed)) ? undefined : { item: renamed, renamed: true };
}

/** What an earlier attempt decided can be seen: it renamed when the original is there. */
function itemMadeBefore(
  context: ItemContext,
  item: RestorableItem,
): { item: RestorableItem; renamed: boolean } {
  const there = context.existing.take(context.writer.identityKey(item));
  const renamed = there && context.onConflict === 'rename';
  return { item: renamed ? renamedItem(context, item) : item, renamed };
}

function renamedItem({ renameSuffix }: ItemContext, item: RestorableItem): RestorableItem {
  const { subject } = item.properties;
  return { ...item, subject: `${typeof subject === 'string' ? subject : ''}${renameSuffix}` };
}

/** Creating is not repeatable by itself: after an unclear end the folder is asked for the marker first. */
async function createOnce(
  context: ItemContext,
  item: RestorableItem,
  marker: string,
  made: MadeBefore | undefined,
): Promise<CreatedItem> {
  const { writer, targetFolderId } = context;
  const adopted = await adopt(writer, made);
  if (adopted !== undefined) return adopted;
  try {
    return await writer.create(targetFolderId, item, marker);
  } catch (error) {
    if (!mayHaveArrived(error)) throw error;
    const found = await findMarked(writer, targetFolderId, marker);
    return (await adopt(writer, found)) ?? (await writer.create(targetFolderId, item, marker));
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
    if (found !== undefined) return { id: found.id, unfinished: found.unfinished === true };
  }
  return undefined;
}

/** Undefined when it could not be read back: the item is there, so its line says "created, not read". */
async function readBack(
  context: ItemContext,
  id: string,
  item: RestorableItem,
): Promise<Difference[] | undefined> {
  try {
    return await context.writer.readBack(id, context.targetFolderId, item);
  } catch (error) {
    if (endsTheAttempt(error, context.lenient)) throw error;
    return undefined;
  }
}

/** Errors of our own side that look transient but say nothing about the item. */
const notTheItem = ['budget-lost', 'session-taken', 'interrupted', 'store-transient'];

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
