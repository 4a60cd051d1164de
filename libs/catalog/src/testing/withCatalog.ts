import type { Catalog } from '../ports.ts';
import type { OpenCatalog } from './openTestCatalog.ts';

/** Runs a test with an empty catalog and removes it afterwards, whatever happened. */
export const withCatalog =
  (open: OpenCatalog, body: (catalog: Catalog) => Promise<void>) => async (): Promise<void> => {
    const { catalog, dispose } = await open();
    try {
      await body(catalog);
    } finally {
      await dispose();
    }
  };
