export * from './all.ts';
export * from './errors.ts';
export * from './insertIfAbsent.ts';
export * from './modify.ts';
export * from './openStore.ts';
export type * from './ports.ts';
export * from './sealing/loadSealer.ts';
export * from './sealing/sealer.ts';
