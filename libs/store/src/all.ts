import type { Collection, Document, Query, Stored } from './ports.ts';

const pageSize = 500;

/**
 * Every document that meets the query, page by page, so that memory stays bounded. Documents inserted meanwhile
 * behind the current place are seen, others not; none comes twice unless its sort field changes meanwhile.
 * @throws InvalidInput, StoreUnavailable
 */
export async function* all<T extends Document>(
  collection: Collection<T>,
  query: Omit<Query, 'limit' | 'after'> = {},
): AsyncGenerator<Stored<T>, void, undefined> {
  let after: string | undefined;
  do {
    const page = await collection.find({
      ...query,
      limit: pageSize,
      ...(after === undefined ? {} : { after }),
    });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}
