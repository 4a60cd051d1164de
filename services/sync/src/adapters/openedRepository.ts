import type { BlobStore, Repository } from '@holdfast/repository';

/** What tasks share: the store, the repository and its one writer session with group commit. */
export interface OpenedRepository {
  store: BlobStore;
  repository: Repository;
}
