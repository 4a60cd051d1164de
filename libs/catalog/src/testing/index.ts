export { catalogContract } from './catalogContract.ts';
export { memoryCatalog } from './memoryTables.ts';
export type { CatalogFixture, OpenCatalog } from './openTestCatalog.ts';
