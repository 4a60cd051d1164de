import { HoldfastError } from '@holdfast/contracts';
import { AlreadyExists, VersionConflict } from './errors.ts';
import { createPauses } from './pauses.ts';
import type { Collection, Document, StoreDeps, Stored } from './ports.ts';

/** Competitors for one document that lose this long give up; a hundred writers at once stay far below it. */
const patience = { maxPauseMs: 50, totalMs: 30_000 };

/**
 * Changes one document by compare-and-set: reads it, lets `fn` decide, writes, and starts again when somebody else
 * was faster. `fn` may run several times and must not have effects of its own.
 *
 * @param fn the new document, or undefined to leave it alone
 * @returns what was written; undefined when nothing was: the document is not there, or `fn` left it alone
 * @throws VersionConflict when others were faster for 30 seconds, StoreUnavailable, AlreadyExists, InvalidDocument
 */
export function modify<T extends Document>(
  collection: Collection<T>,
  id: string,
  fn: (doc: T) => T | undefined,
  deps: StoreDeps = {},
): Promise<Stored<T> | undefined> {
  return upsert(collection, id, (doc) => (doc === undefined ? undefined : fn(doc)), deps);
}

/**
 * Inserts or changes one document, whichever it takes.
 *
 * @param fn gets the document or undefined when there is none; returns the new one, or undefined to leave it alone
 * @returns what was written; undefined when `fn` left it alone
 * @throws VersionConflict when others were faster for 30 seconds, StoreUnavailable, AlreadyExists (of a unique index),
 * InvalidDocument
 */
export async function upsert<T extends Document>(
  collection: Collection<T>,
  id: string,
  fn: (doc: T | undefined) => T | undefined,
  deps: StoreDeps = {},
): Promise<Stored<T> | undefined> {
  const pause = createPauses(deps, patience);
  for (;;) {
    const current = await collection.get(id);
    const changed = fn(current?.doc);
    if (changed === undefined) return undefined;
    keepId(collection, id, changed);
    try {
      return await (current === undefined
        ? collection.insert(changed)
        : collection.replace(changed, current.version));
    } catch (error) {
      if (!isLostRace(error) || !(await pause())) throw error;
    }
  }
}

function keepId(collection: { name: string }, id: string, changed: Document): void {
  if (changed.id === id) return;
  throw new HoldfastError('changed-id', 'ours', `${collection.name}: a change of ${id} must keep its id`);
}

const isLostRace = (error: unknown): boolean =>
  error instanceof VersionConflict || (error instanceof AlreadyExists && error.fields.includes('id'));
