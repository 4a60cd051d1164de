import { describe } from '@jest/globals';
import { memoryStore } from './memoryStore.ts';
import { storeContract } from './storeContract.ts';

describe('the store in memory', () => {
  storeContract(async () => {
    const store = memoryStore();
    return { store, again: async () => store, dispose: () => store.close() };
  });
});
