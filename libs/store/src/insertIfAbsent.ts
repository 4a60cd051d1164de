import { AlreadyExists } from './errors.ts';
import type { Collection, Document } from './ports.ts';

/**
 * Inserts unless a document with this id is there; repeats are harmless.
 *
 * @returns true when this call inserted it
 * @throws AlreadyExists when the id is free but a unique index is taken; StoreUnavailable; InvalidDocument
 */
export async function insertIfAbsent<T extends Document>(
  collection: Collection<T>,
  doc: T,
): Promise<boolean> {
  try {
    await collection.insert(doc);
    return true;
  } catch (error) {
    if (error instanceof AlreadyExists && error.fields.includes('id')) return false;
    throw error;
  }
}
