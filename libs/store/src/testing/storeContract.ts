import { concurrencyContract } from './concurrencyContract.ts';
import { conditionContract } from './conditionContract.ts';
import { documentContract } from './documentContract.ts';
import { orderContract } from './orderContract.ts';
import { queryContract } from './queryContract.ts';
import type { StoreFixture } from './things.ts';

export { type StoreFixture, type Thing, thing, things } from './things.ts';

/**
 * What every store must do. Call it inside a `describe` of the adapter's test.
 *
 * @param open makes an empty store for each test
 */
export function storeContract(open: () => Promise<StoreFixture>): void {
  documentContract(open);
  conditionContract(open);
  queryContract(open);
  concurrencyContract(open);
  orderContract(open);
}
