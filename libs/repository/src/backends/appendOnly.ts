import { StorePermanent } from '../errors.ts';
import type { BlobStore } from '../ports.ts';
import { StoreWrapper } from './wrapper.ts';

/** Refuses to remove: what workers that store and restore get; only maintenance may delete. */
export function appendOnly(inner: BlobStore): BlobStore {
  return new AppendOnlyStore(inner);
}

class AppendOnlyStore extends StoreWrapper {
  override capabilities() {
    return { ...this.inner.capabilities(), remove: false };
  }

  override async remove(name: string): Promise<void> {
    throw new StorePermanent(
      'store-append-only',
      `Refused to remove ${name}: these credentials may only add.`,
      'Remove through the retention service.',
      { details: { name } },
    );
  }
}
