import { StoreUnreachable } from './errors.ts';
import { openMongoStore } from './mongo/openMongoStore.ts';
import type { Store, StoreDeps } from './ports.ts';
import { openSqliteStore } from './sqlite/openSqliteStore.ts';

const sqlitePrefix = 'sqlite:';

/**
 * Opens the control data.
 *
 * @param url `sqlite:/var/lib/holdfast/holdfast.db`, or `mongodb://host/database` (also `mongodb+srv:`)
 * @throws StoreUnreachable (configuration), NotAStore, StoreTooNew, StoreDamaged, StoreUnavailable (transient)
 */
export async function openStore(url: string, deps: StoreDeps = {}): Promise<Store> {
  if (url.startsWith(sqlitePrefix) && url.length > sqlitePrefix.length) {
    return openSqliteStore(url.slice(sqlitePrefix.length), deps);
  }
  if (/^mongodb(\+srv)?:\/\//.test(url)) return openMongoStore(url, deps);
  // The address may carry a password, so the message does not repeat it.
  throw new StoreUnreachable('the address of the store is neither sqlite:… nor mongodb://…', {
    remedy: 'Set HOLDFAST_STORE to sqlite:/path/holdfast.db or mongodb://host/database.',
  });
}
