export { createPointHub, type PointHub, type PointHubDeps } from './adapters/pointHub.ts';
export { type RestoreServiceSettings, restoreSettingsSchema } from './config.ts';
export { createRestoreMetrics } from './metrics.ts';
export { type RestoreDeps, type RestoreService, startRestore } from './service.ts';
