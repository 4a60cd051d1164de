export { appendOnly } from './backends/appendOnly.ts';
export { counting, emptyCounters, type StoreCounters } from './backends/metrics.ts';
export { type BlobStoreSpec, openBlobStore } from './backends/openBlobStore.ts';
export { readOnly } from './backends/readOnly.ts';
export { type RetryOptions, retrying } from './backends/retry.ts';
export type { RepositoryConfig, RepositorySizes } from './config.ts';
export { type CreatedRepository, type CreateOptions, createRepository } from './createRepository.ts';
export {
  BlobAlreadyExists,
  BlobNotFound,
  type DamageCode,
  Damaged,
  EngineRefusal,
  SessionLost,
  StorePermanent,
  StoreTransient,
} from './errors.ts';
export { canonicalJson, type JsonObject, type JsonValue } from './format/canonicalJson.ts';
export { type PointKind, type PointName, parsePointName } from './format/names.ts';
export type { Kdf } from './keys/kdf.ts';
export type { RecoveryFacts } from './keys/slotMaintenance.ts';
export { type OpenOptions, openRepository, type RepositorySecret } from './openRepository.ts';
export type { ReadOptions, StoredContent, StoredItem, StoredMimePart } from './packs/itemReader.ts';
export type { Gap, PointCounts, PointInput, RestorePoint } from './points/manifest.ts';
export type { PointFilter, PointRef } from './points/pointList.ts';
export type {
  BlobStore,
  ByteRange,
  EngineClock,
  EngineLogger,
  PutOptions,
  RandomBytes,
  StoredName,
} from './ports.ts';
export type { Repository } from './repository.ts';
export type { ItemSource } from './session/itemSource.ts';
export type { StoredFacts } from './session/storedFacts.ts';
export type { WriterSession } from './session/writerSession.ts';
export type { TreeChange } from './tree/diffTrees.ts';
export type { FolderEntry, ItemEntry, ItemState, SortKey } from './tree/entries.ts';
export type { ItemsOptions, TreeReader } from './tree/treeReader.ts';
export type { TreeCounts, TreeWriter } from './tree/treeWriter.ts';
export type { Finding } from './verify/finding.ts';
export type { FreedSpace } from './verify/measureFreed.ts';
export type { RepositoryStatistics } from './verify/statistics.ts';
export type { VerifyOptions } from './verify/verifyRepository.ts';
