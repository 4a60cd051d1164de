import type { Catalog } from '@holdfast/catalog';
import type { CatalogIndexer } from '../adapters/catalogIndexer.ts';
import type { Indexed } from '../domain/indexShelf.ts';
import { openThread } from './openThread.ts';

const reading = [
  'search',
  'foldersEver',
  'itemsEver',
  'history',
  'behind',
  'status',
  'shelf',
  'shelves',
  'points',
  'waiting',
  'ping',
] as const satisfies readonly (keyof Catalog)[];

const writing = [
  'openShelf',
  'beginPoint',
  'knownObjects',
  'write',
  'commitPoint',
  'dropPoint',
  'clearShelf',
  'removeShelf',
  'setTrouble',
  'expectPoint',
  'expectDeparture',
  'expectCheck',
  'clearCheck',
] as const satisfies readonly (keyof Catalog)[];

export interface ThreadedCatalog {
  catalog: Catalog;
  indexer: CatalogIndexer;
  close(): Promise<void>;
}

/**
 * The catalog in two threads: one answers, one writes with the lowest priority. The event loop of the process is free,
 * and nobody who asks waits behind the writing of a batch.
 */
export function openThreadedCatalog(url: string, cacheDir: string): ThreadedCatalog {
  const reader = openThread({ catalogUrl: url, cacheDir, role: 'read' });
  const writer = openThread({ catalogUrl: url, cacheDir, role: 'index' });
  const methods = [
    ...reading.map((method) => [method, reader] as const),
    ...writing.map((method) => [method, writer] as const),
  ].map(([method, thread]) => [
    method,
    (...args: unknown[]) => thread.call({ verb: 'catalog', method, args }),
  ]);
  const close = async () => {
    await Promise.all([reader.close(), writer.close()]);
  };
  const catalog = {
    ...Object.fromEntries(methods),
    kind: url.startsWith('mongodb') ? 'mongo' : 'sqlite',
    close,
  } as Catalog;
  const indexer: CatalogIndexer = {
    async index(repository, mailboxKey, { signal, onProgress }) {
      const stop = () => void writer.call({ verb: 'stop-indexing' }).catch(() => undefined);
      signal.addEventListener('abort', stop, { once: true });
      try {
        const verb = { verb: 'index' as const, repository, mailboxKey };
        return (await writer.call(verb, onProgress)) as Indexed;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    close: async () => undefined,
  };
  return { catalog, indexer, close };
}
