import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectorOpener, defaultLimits, mailboxBudget, readClouds } from '@holdfast/exchange';
import { connectMessaging } from '@holdfast/messaging';
import { loadConfig, runService, startHealthServer, systemRandom } from '@holdfast/runtime';
import { loadSealer, openStore } from '@holdfast/store';
import { openExportFolder } from './adapters/exportFolder.ts';
import { createPointHub } from './adapters/pointHub.ts';
import { createCatalogMetrics } from './catalog/catalogMetrics.ts';
import { catalogUrlOf } from './catalog/catalogUrl.ts';
import { openThreadedCatalog } from './catalog/threadedCatalog.ts';
import { type RestoreServiceSettings, restoreSettingsSchema } from './config.ts';
import { createRestoreMetrics } from './metrics.ts';
import { startRestore } from './service.ts';

async function ownVersion(): Promise<string> {
  return JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version;
}

const credentialsOf = (path: string | undefined) =>
  path === undefined ? {} : { credentials: { kind: 'file' as const, path } };

runService('restore', async ({ env, logger, metrics, clock, releasers }) => {
  const settings: RestoreServiceSettings = loadConfig(restoreSettingsSchema, env);
  const instance = settings.HOLDFAST_INSTANCE;
  const version = await ownVersion();
  const clouds = await readClouds(settings.HOLDFAST_CLOUDS_FILE);
  const sealer = await loadSealer({ keyFile: settings.HOLDFAST_SECRET_KEY_FILE });
  const store = await openStore(settings.HOLDFAST_STORE);
  releasers.add('store', () => store.close());
  const messaging = await connectMessaging({
    servers: settings.HOLDFAST_NATS_URL,
    prefix: settings.HOLDFAST_PREFIX,
    name: instance,
    replicas: settings.HOLDFAST_REPLICAS,
    logger,
    ...credentialsOf(settings.HOLDFAST_NATS_CREDENTIALS_FILE),
  });
  releasers.add('messaging', () => messaging.close());
  const random = systemRandom;
  const budget = mailboxBudget({
    ...{ messaging, clock, random, owner: instance },
    settings: {
      capacity: settings.HOLDFAST_BUDGET_CONCURRENCY,
      reserved: settings.HOLDFAST_BUDGET_RESERVED,
    },
  });
  const points = createPointHub({
    ...{ sealer, clock, logger },
    open: { cacheDir: settings.HOLDFAST_CACHE_DIR ?? join(tmpdir(), 'holdfast-cache') },
    idleMs: settings.HOLDFAST_REPOSITORY_IDLE_SECONDS * 1000,
  });
  const limits = {
    requests: { ...defaultLimits.requests, limit: settings.HOLDFAST_BUDGET_REQUESTS },
    uploadBytes: { ...defaultLimits.uploadBytes, limit: settings.HOLDFAST_BUDGET_UPLOAD_BYTES },
  };
  const exportDir = settings.HOLDFAST_EXPORT_DIR;
  const keepMs = settings.HOLDFAST_EXPORT_KEEP_DAYS * 24 * 3600 * 1000;
  const cacheDir = settings.HOLDFAST_CACHE_DIR ?? join(tmpdir(), 'holdfast-cache');
  const catalogUrl = catalogUrlOf(settings.HOLDFAST_CATALOG, settings.HOLDFAST_STORE);
  // An organization may have an application of its own for restores: the one that backs up need not write.
  const open = connectorOpener({
    sealer,
    budget,
    limits,
    extraClouds: clouds,
    clock,
    random,
    logger,
    version,
  });
  const restore = await startRestore({
    catalog:
      catalogUrl === undefined
        ? undefined
        : {
            ...openThreadedCatalog(catalogUrl, cacheDir),
            connection: (record) => ({
              spec: record.backend,
              passphrase: sealer.open(record.sealedPassphrase, `repository:${record.backend.path}`),
            }),
            numbers: createCatalogMetrics(metrics),
            pollMs: settings.HOLDFAST_CATALOG_POLL_SECONDS * 1000,
            reconcileMs: settings.HOLDFAST_CATALOG_RECONCILE_SECONDS * 1000,
          },
    ...(exportDir === undefined ? {} : { exports: { folder: openExportFolder(exportDir), keepMs } }),
    ...{ store, messaging, points, clock, logger, instance },
    openConnector: (organization) => open(organization, 'restore'),
    metrics: createRestoreMetrics(metrics),
    pool: settings.HOLDFAST_POOL,
    slots: settings.HOLDFAST_SLOTS,
    sessionsAtOnce: settings.HOLDFAST_RESTORE_SESSIONS,
    attempts: settings.HOLDFAST_RESTORE_ATTEMPTS,
    reconcileMs: settings.HOLDFAST_RESTORE_RECONCILE_SECONDS * 1000,
    work: {
      itemsAtOnce: settings.HOLDFAST_RESTORE_ITEMS_AT_ONCE,
      mailboxesAtOnce: settings.HOLDFAST_RESTORE_MAILBOXES_AT_ONCE,
      saveEveryMs: 1000,
      budget: {
        requests: settings.HOLDFAST_BUDGET_REQUESTS,
        uploadBytes: settings.HOLDFAST_BUDGET_UPLOAD_BYTES,
        concurrency: settings.HOLDFAST_BUDGET_CONCURRENCY,
      },
    },
  });
  const health = await startHealthServer({
    host: settings.HOLDFAST_HEALTH_HOST,
    port: settings.HOLDFAST_HEALTH_PORT,
    metrics,
    lag: () => restore.lagSeconds(),
    checks: {
      store: () => store.ping(),
      broker: async () => {
        if (!messaging.connected) throw new Error('not connected to the broker');
      },
      repositories: () => points.check(),
    },
  });
  releasers.add('health', () => health.stop());
  return restore;
});
