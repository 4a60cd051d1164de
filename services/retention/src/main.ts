import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrokerCredentials, connectMessaging } from '@holdfast/messaging';
import { loadConfig, runService, startHealthServer } from '@holdfast/runtime';
import { loadSealer, openStore } from '@holdfast/store';
import { repositoryPoints } from './adapters/repositoryPoints.ts';
import { retentionSettingsSchema } from './config.ts';
import { createRetentionMetrics } from './metrics.ts';
import { startRetention } from './service.ts';

const idleMs = 10 * 60_000;

runService('retention', async ({ env, logger, metrics, clock, releasers }) => {
  const settings = loadConfig(retentionSettingsSchema, env);
  const sealer = await loadSealer({ keyFile: settings.HOLDFAST_SECRET_KEY_FILE });
  const store = await openStore(settings.HOLDFAST_STORE);
  releasers.add('store', () => store.close());
  const messaging = await connectMessaging({
    servers: settings.HOLDFAST_NATS_URL,
    prefix: settings.HOLDFAST_PREFIX,
    name: settings.HOLDFAST_INSTANCE,
    replicas: settings.HOLDFAST_REPLICAS,
    ...credentialsIn(settings.HOLDFAST_NATS_CREDENTIALS_FILE),
    logger,
  });
  releasers.add('messaging', () => messaging.close());
  const cacheDir = settings.HOLDFAST_CACHE_DIR ?? join(tmpdir(), 'holdfast-cache');
  const repositories = repositoryPoints({ sealer, cacheDir, clock, logger, idleMs });
  releasers.add('repositories', () => repositories.close());
  const retention = await startRetention({
    ...{ store, messaging, clock, logger },
    openPoints: repositories.open,
    metrics: createRetentionMetrics(metrics),
    instance: settings.HOLDFAST_INSTANCE,
    pool: settings.HOLDFAST_POOL,
  });
  const health = await startHealthServer({
    host: settings.HOLDFAST_HEALTH_HOST,
    port: settings.HOLDFAST_HEALTH_PORT,
    metrics,
    lag: () => retention.lagSeconds(),
    checks: {
      store: () => store.ping(),
      async broker() {
        if (!messaging.connected) throw new Error('not connected to the broker');
      },
    },
  });
  releasers.add('health', () => health.stop());
  return retention;
});

function credentialsIn(path: string | undefined): { credentials?: BrokerCredentials } {
  return path === undefined ? {} : { credentials: { kind: 'file', path } };
}
