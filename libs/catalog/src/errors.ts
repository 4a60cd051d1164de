import { HoldfastError } from '@holdfast/contracts';

/** The catalog does not answer now; the same call may work later. */
export class CatalogUnavailable extends HoldfastError {
  constructor(message: string, cause?: unknown) {
    super('catalog-unavailable', 'transient', message, {
      remedy: 'Check the disk or the server that holds the catalog; backups and restores go on without it.',
      cause,
    });
  }
}

/** The catalog cannot be opened where the settings say. */
export class CatalogUnreachable extends HoldfastError {
  constructor(place: string, cause?: unknown) {
    super('catalog-unreachable', 'configuration', `the catalog ${place} cannot be opened`, {
      remedy:
        'Set HOLDFAST_CATALOG to sqlite:/path/catalog.db in a folder that Holdfast may write, mongodb://host/database, or off.',
      cause,
    });
  }
}
