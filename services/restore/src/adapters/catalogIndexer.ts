import { createHash } from 'node:crypto';
import type { Catalog } from '@holdfast/catalog';
import { type BlobStoreSpec, openBlobStore, openRepository, type Repository } from '@holdfast/repository';
import { type Indexed, type IndexOptions, indexShelf } from '../domain/indexShelf.ts';
import { shelfSource } from './shelfSource.ts';

/** Where a repository is and what opens it. */
export interface RepositoryPlace {
  repositoryId: string;
  spec: BlobStoreSpec;
  passphrase: string;
}

export interface IndexerOptions {
  signal: AbortSignal;
  onProgress?: (progress: { items: number; points: number; unreadable: number }) => void;
}

/** Brings shelves of the catalog up to date, one after the other. */
export interface CatalogIndexer {
  index(repository: RepositoryPlace, mailboxKey: string, options: IndexerOptions): Promise<Indexed>;
  close(): Promise<void>;
}

/** Repositories that stay open between shelves. */
const keptOpen = 4;

/** An indexer in this thread. `cacheDir` is for the indexes of repositories. */
export function inlineIndexer(
  catalog: Catalog,
  cacheDir: string,
  pacing: Pick<IndexOptions, 'now' | 'pace'>,
): CatalogIndexer {
  const opened = new Map<string, Promise<Repository>>();

  async function open({ spec, passphrase }: RepositoryPlace): Promise<Repository> {
    const store = await openBlobStore(spec);
    try {
      return await openRepository(store, { secret: { passphrase }, threads: 0, readOnly: true, cacheDir });
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async function use(place: RepositoryPlace): Promise<Repository> {
    const { repositoryId, spec, passphrase } = place;
    // A changed connection is another repository as far as this is concerned.
    const name = createHash('sha256')
      .update(JSON.stringify([repositoryId, spec, passphrase]))
      .digest('hex');
    const known = opened.get(name) ?? open(place);
    opened.delete(name);
    opened.set(name, known);
    known.catch(() => opened.delete(name));
    const [oldest] = opened;
    if (opened.size > keptOpen && oldest !== undefined) {
      opened.delete(oldest[0]);
      await oldest[1].then((repository) => repository.close());
    }
    return known;
  }

  return {
    async index(place, mailboxKey, options) {
      const repository = await use(place);
      const { repositoryId } = place;
      const source = shelfSource(repository, mailboxKey);
      return indexShelf(source, catalog, { repositoryId, mailboxKey }, { ...options, ...pacing });
    },
    async close() {
      const all = [...opened.values()];
      opened.clear();
      await Promise.allSettled(all.map(async (repository) => (await repository).close()));
    },
  };
}
