export { type MemoryExchange, memoryExchange } from './memoryExchange.ts';
export type { MemoryFaults, MemoryMessage, MemoryMessageInput } from './memoryMailbox.ts';
export { MemoryMailbox } from './memoryMailbox.ts';
export type { MemoryAttachment } from './memoryMime.ts';
