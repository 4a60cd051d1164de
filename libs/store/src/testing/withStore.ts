import type { Collection } from '../ports.ts';
import { type StoreFixture, type Thing, things } from './things.ts';

/** Runs a test with an empty store and removes it afterwards, whatever happened. */
export function withThings(
  open: () => Promise<StoreFixture>,
  body: (collection: Collection<Thing>, fixture: StoreFixture) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const fixture = await open();
    try {
      await body(fixture.store.collection(things), fixture);
    } finally {
      await fixture.dispose();
    }
  };
}
