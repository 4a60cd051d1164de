import type { Metrics } from '@holdfast/runtime';

/** The numbers of the catalog, in one place. */
export const createCatalogMetrics = (metrics: Metrics) => ({
  behindPoints: metrics.gauge(
    'holdfast_catalog_behind_points',
    'Restore points that are not in the catalog yet',
  ),
  lagSeconds: metrics.gauge(
    'holdfast_catalog_lag_seconds',
    'Since when the longest waiting restore point waits for the catalog',
  ),
  points: metrics.counter('holdfast_catalog_points_total', 'Restore points put into the catalog'),
  items: metrics.counter('holdfast_catalog_items_total', 'Items put into the catalog, or moved there'),
  unreadable: metrics.counter(
    'holdfast_catalog_unreadable_items_total',
    'Items of which the catalog knows the list entry only, because their contents could not be read',
  ),
  failures: metrics.counter('holdfast_catalog_failures_total', 'Failed tries to bring a mailbox up to date'),
  searchSeconds: metrics.histogram('holdfast_catalog_search_seconds', 'Time of a search'),
});

export type CatalogMetrics = ReturnType<typeof createCatalogMetrics>;
