import { StorePermanent } from '../errors.ts';
import type { BlobStore } from '../ports.ts';
import { StoreWrapper } from './wrapper.ts';

/** Refuses to put and to remove. */
export function readOnly(inner: BlobStore): BlobStore {
  return new ReadOnlyStore(inner);
}

class ReadOnlyStore extends StoreWrapper {
  override capabilities() {
    return { ...this.inner.capabilities(), put: false, remove: false };
  }

  override async putIfAbsent(name: string): Promise<void> {
    throw refusal('write', name);
  }

  override async remove(name: string): Promise<void> {
    throw refusal('remove', name);
  }
}

function refusal(verb: string, name: string): StorePermanent {
  return new StorePermanent(
    'store-read-only',
    `Refused to ${verb} ${name}: the repository is open for reading.`,
    'Open the repository for writing.',
    { details: { name } },
  );
}
