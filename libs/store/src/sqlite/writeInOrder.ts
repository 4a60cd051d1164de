import { HoldfastError } from '@holdfast/contracts';
import { AlreadyExists } from '../errors.ts';
import type { Document, OrderedWrite, Stored } from '../ports.ts';
import { SqliteCollection } from './sqliteCollection.ts';
import { isRefusal } from './sqliteErrors.ts';
import type { WriteQueue } from './writeQueue.ts';

type Written = Stored<Document> | undefined;

/** See `Store.writeInOrder`: all in one transaction, of which the writes before a refused one stay. */
export async function writeInOrder(queue: WriteQueue, writes: readonly OrderedWrite[]): Promise<Written[]> {
  const steps = writes.map(stepOf);
  for (const { into } of writes) await collectionOf(into).made();
  const { written, refusal } = await queue.write(() => {
    const written: Written[] = [];
    try {
      for (const step of steps) written.push(step());
      return { written, refusal: undefined };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { written, refusal: error };
    }
  });
  if (refusal !== undefined) throw refusal;
  return written;
}

function stepOf(write: OrderedWrite): () => Written {
  const collection = collectionOf(write.into);
  if ('replace' in write) return collection.replacement(write.replace, write.expectedVersion);
  const insertion = collection.insertion(write.insert);
  return write.ifAbsent ? () => unlessThere(insertion) : insertion;
}

function unlessThere(insertion: () => Written): Written {
  try {
    return insertion();
  } catch (error) {
    if (error instanceof AlreadyExists && error.fields.includes('id')) return undefined;
    throw error;
  }
}

function collectionOf(collection: OrderedWrite['into']): SqliteCollection<Document> {
  if (collection instanceof SqliteCollection) return collection;
  throw new HoldfastError(
    'foreign-collection',
    'ours',
    `${collection.name} is a collection of another store`,
  );
}
