import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { openSqliteCatalog } from './sqlite/sqliteTables.ts';
import { catalogContract, memoryCatalog } from './testing/index.ts';

describe('the catalog in memory', () => {
  catalogContract(async () => ({ catalog: memoryCatalog(), dispose: async () => undefined }));
});

describe('the catalog in SQLite', () => {
  catalogContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-catalog-'));
    const catalog = openSqliteCatalog(join(folder, 'catalog.db'));
    return {
      catalog,
      dispose: async () => {
        await catalog.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
});
