export { ControlRefused, simulatorControl } from './client.ts';
export type {
  AttachmentSnapshot,
  Churn,
  ChurnResult,
  FolderInfo,
  MailboxSnapshot,
  MessageSnapshot,
  SimulatorControl,
  StateChange,
  TenantInfo,
  UserInfo,
} from './control/api.ts';
export type { FaultAction, FaultRule } from './control/faults.ts';
export type { Statistics } from './control/statistics.ts';
export { type Corpus, type CorpusOptions, createCorpus, type MessageMeta } from './corpus/corpus.ts';
export {
  ALL_ROLES,
  type ApplicationOptions,
  DEFAULT_CLIENT,
  DEFAULT_SECRET,
  DEFAULT_TENANT,
  type DeltaChaos,
  type FillOptions,
  type GroupOptions,
  type Limits,
  type MailboxKind,
  type MailboxPurpose,
  type SimulatorOptions,
  type TenantOptions,
  type UserOptions,
} from './options.ts';
export { type Simulator, startSimulator } from './simulator.ts';
