export { createRepositoryHub, type RepositoryHub, type RepositoryHubDeps } from './adapters/repositoryHub.ts';
export { type SyncServiceSettings, syncSettingsSchema, workSettings } from './config.ts';
export { createSyncMetrics } from './metrics.ts';
export { type SyncDeps, type SyncService, startSync } from './service.ts';
