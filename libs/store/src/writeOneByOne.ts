import { AlreadyExists } from './errors.ts';
import type { Document, OrderedWrite, Stored } from './ports.ts';

/** `Store.writeInOrder` for a store that has nothing better: each write waits for the one before. */
export async function writeOneByOne(
  writes: readonly OrderedWrite[],
): Promise<(Stored<Document> | undefined)[]> {
  const written: (Stored<Document> | undefined)[] = [];
  for (const write of writes) written.push(await writeOne(write));
  return written;
}

async function writeOne(write: OrderedWrite): Promise<Stored<Document> | undefined> {
  if ('replace' in write) return write.into.replace(write.replace, write.expectedVersion);
  try {
    return await write.into.insert(write.insert);
  } catch (error) {
    if (write.ifAbsent && error instanceof AlreadyExists && error.fields.includes('id')) return undefined;
    throw error;
  }
}
