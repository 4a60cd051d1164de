export { connectMessaging, type MessagingOptions } from './connectMessaging.ts';
export type { BrokerCredentials } from './dial.ts';
export * from './errors.ts';
export { createGate } from './gate.ts';
export * from './outbox.ts';
export type * from './ports.ts';
export { askQuestion, serveQuestion } from './questions.ts';
export { currentTrace } from './trace.ts';
