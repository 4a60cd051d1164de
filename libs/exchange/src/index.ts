export { unlimitedBudget } from './budget.ts';
export { type Cloud, cloudNamed, clouds, parseClouds, refusedClouds } from './clouds.ts';
export {
  type ConnectorCache,
  createConnectorCache,
  type UsedConnector,
} from './connections/connectorCache.ts';
export { type ConnectorOpener, connectorOpener } from './connections/connectorOpener.ts';
export { type BudgetSettings, mailboxBudget, type SlotSource } from './connections/mailboxBudget.ts';
export { readClouds } from './connections/readClouds.ts';
export { BudgetLost, CursorExpired, DeltaUnavailable, FolderGone, ForeignHost } from './errors.ts';
export { createGraphConnector, type GraphConnectorOptions } from './graph/connector.ts';
export type { ConnectorCredential, TokenSource } from './graph/credentials.ts';
export { type ErrorRow, errorTable } from './graph/errorTable.ts';
export type {
  HttpRequest,
  HttpTransport,
  TransportSettings,
} from './graph/httpTransport.ts';
export { defaultLimits, type MailboxLimits } from './graph/mailboxGate.ts';
export { type MailSignIn, mailTokenSource } from './graph/mailTokenSource.ts';
export { type TokenErrorRow, tokenErrorTable } from './graph/tokenErrors.ts';
export { compareMessages } from './message/compareMessages.ts';
export { identityKeyOf } from './message/identityKey.ts';
export { bodyJson } from './message/listedBody.ts';
export {
  type AttachmentBytes,
  type StoredAttachment,
  storedAttachmentsOf,
} from './message/storedAttachments.ts';
export type * from './ports.ts';
