import { CatalogUnreachable } from './errors.ts';
import type { Catalog } from './ports.ts';
import { openSqliteCatalog } from './sqlite/sqliteTables.ts';

/**
 * Opens a catalog in this thread.
 *
 * @param url `sqlite:/var/lib/holdfast/catalog.db` or `mongodb://host/database`
 * @throws CatalogUnreachable, CatalogUnavailable
 */
export async function openCatalog(url: string): Promise<Catalog> {
  if (url.startsWith('sqlite:') && url.length > 7) return openSqliteCatalog(url.slice(7));
  if (/^mongodb(\+srv)?:\/\//.test(url)) {
    // The driver is loaded only where it is used.
    const { openMongoCatalog } = await import('./mongo/mongoTables.ts');
    return openMongoCatalog(url);
  }
  throw new CatalogUnreachable('of this address');
}
