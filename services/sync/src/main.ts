import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectorOpener, defaultLimits, mailboxBudget, readClouds } from '@holdfast/exchange';
import { connectMessaging } from '@holdfast/messaging';
import { loadConfig, runService, startHealthServer, systemRandom } from '@holdfast/runtime';
import { loadSealer, openStore } from '@holdfast/store';
import { createRepositoryHub } from './adapters/repositoryHub.ts';
import { type SyncServiceSettings, syncSettingsSchema, workSettings } from './config.ts';
import { createSyncMetrics } from './metrics.ts';
import { startSync } from './service.ts';

const dayMs = 24 * 3600_000;

async function ownVersion(): Promise<string> {
  return JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version;
}

const credentialsOf = (path: string | undefined) =>
  path === undefined ? {} : { credentials: { kind: 'file' as const, path } };

runService('sync', async ({ env, logger, metrics, clock, releasers }) => {
  const settings: SyncServiceSettings = loadConfig(syncSettingsSchema, env);
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
  const repositories = createRepositoryHub({
    ...{ sealer, clock, logger, instance, version, rotateMs: dayMs },
    open: {
      cacheDir: settings.HOLDFAST_CACHE_DIR ?? join(tmpdir(), 'holdfast-cache'),
      threads: settings.HOLDFAST_SEAL_THREADS,
    },
    idleMs: settings.HOLDFAST_REPOSITORY_IDLE_SECONDS * 1000,
  });
  const limits = {
    requests: { ...defaultLimits.requests, limit: settings.HOLDFAST_BUDGET_REQUESTS },
    uploadBytes: defaultLimits.uploadBytes,
  };
  const sync = await startSync({
    ...{ store, messaging, repositories, clock, logger, instance, version },
    openConnector: connectorOpener({
      sealer,
      budget,
      limits,
      extraClouds: clouds,
      clock,
      random,
      logger,
      version,
    }),
    metrics: createSyncMetrics(metrics),
    pool: settings.HOLDFAST_POOL,
    slots: settings.HOLDFAST_SLOTS,
    memoryBytes: settings.HOLDFAST_SYNC_MEMORY_MIB * 1024 * 1024,
    heartbeatMs: settings.HOLDFAST_HEARTBEAT_SECONDS * 1000,
    work: workSettings(settings),
  });
  const health = await startHealthServer({
    host: settings.HOLDFAST_HEALTH_HOST,
    port: settings.HOLDFAST_HEALTH_PORT,
    metrics,
    lag: () => sync.lagSeconds(),
    checks: {
      store: () => store.ping(),
      broker: async () => {
        if (!messaging.connected) throw new Error('not connected to the broker');
      },
      repositories: () => repositories.check(),
    },
  });
  releasers.add('health', () => health.stop());
  return sync;
});
