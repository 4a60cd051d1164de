import { describe } from '@jest/globals';
import { sqliteFixture } from '../testing/sqliteFixture.ts';
import { storeContract } from '../testing/storeContract.ts';

describe('the store in SQLite', () => {
  storeContract(sqliteFixture);
});
