export { type MemoryBroker, memoryBroker } from './memoryBroker.ts';
export { type MemoryMessagingOptions, memoryMessaging } from './memoryMessaging.ts';
export * from './messagingContract.ts';
