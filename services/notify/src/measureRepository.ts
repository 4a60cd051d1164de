import { collections } from '@holdfast/contracts';
import { all, type Store } from '@holdfast/store';
import type { MeasureRepository } from './ports.ts';

type Ask = (
  pool: string,
  repositoryId: string,
) => Promise<{ freeBytes?: number | undefined; totalBytes?: number | undefined }>;

/** Asks the pools in turn, those that serve the repository first; the first that can see its disk answers. */
export function measureRepository(store: Store, ask: Ask): MeasureRepository {
  return async (repositoryId) => {
    const pools = new Set<string>();
    for await (const { doc } of all(store.collection(collections.jobs)))
      if (doc.repositoryId === repositoryId) pools.add(doc.pool);
    for await (const { doc } of all(store.collection(collections.proxies))) pools.add(doc.pool);
    for (const pool of pools) {
      try {
        const { freeBytes, totalBytes } = await ask(pool, repositoryId);
        if (freeBytes !== undefined && totalBytes !== undefined) return { freeBytes, totalBytes };
      } catch {
        // Nobody of this pool is there, or it cannot see the repository: another one may.
      }
    }
    return undefined;
  };
}
