import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../sqlite/openSqliteStore.ts';
import type { StoreFixture } from './things.ts';

/** A store in a file of its own; `path` is that file. */
export async function sqliteFixture(): Promise<StoreFixture & { path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
  const path = join(folder, 'holdfast.db');
  const stores = [await openSqliteStore(path)];
  return {
    path,
    store: stores[0] as StoreFixture['store'],
    again: async () => {
      const store = await openSqliteStore(path);
      stores.push(store);
      return store;
    },
    dispose: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
