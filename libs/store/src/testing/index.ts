export * from './memoryStore.ts';
export * from './mongoServer.ts';
export * from './startIncrements.ts';
export * from './storeContract.ts';
