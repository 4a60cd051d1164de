import type { Collection, Document, Stored } from '@holdfast/store';
import { NotFound } from '../errors.ts';

/** The document a path names. @throws NotFound */
export async function lookUp<T extends Document>(
  collection: Collection<T>,
  what: string,
  id: string,
): Promise<Stored<T>> {
  const found = await collection.get(id);
  if (found === undefined) throw new NotFound(what, id);
  return found;
}

/** True when a document has these values in declared indexes. */
export async function exists<T extends Document>(
  collection: Collection<T>,
  where: Readonly<Record<string, string>>,
): Promise<boolean> {
  return (await collection.find({ where, limit: 1 })).items.length > 0;
}
