import { type BrokerCredentials, connectMessaging } from '@holdfast/messaging';
import { loadConfig, runService, startHealthServer } from '@holdfast/runtime';
import { openStore } from '@holdfast/store';
import { schedulerSettingsSchema } from './config.ts';
import { createSchedulerMetrics } from './metrics.ts';
import { startScheduler } from './service.ts';

runService('scheduler', async ({ env, logger, metrics, clock, releasers }) => {
  const settings = loadConfig(schedulerSettingsSchema, env);
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
  const scheduler = await startScheduler({
    ...{ store, messaging, clock, logger },
    metrics: createSchedulerMetrics(metrics),
    instance: settings.HOLDFAST_INSTANCE,
    scripts: {
      folder: settings.HOLDFAST_SCRIPTS_DIR,
      interpreters: settings.HOLDFAST_SCRIPT_INTERPRETERS,
    },
    times: {
      reconcileMs: settings.HOLDFAST_SCHEDULER_RECONCILE_MS,
      orphanAfterMs: settings.HOLDFAST_SCHEDULER_ORPHAN_MS,
      abandonedAfterMs: settings.HOLDFAST_SCHEDULER_ABANDONED_MS,
      rereadJobsMs: settings.HOLDFAST_SCHEDULER_REREAD_JOBS_MS,
      standbyMs: settings.HOLDFAST_SCHEDULER_STANDBY_MS,
      missedAfterMs: settings.HOLDFAST_SCHEDULER_MISSED_MS,
    },
  });
  const health = await startHealthServer({
    host: settings.HOLDFAST_HEALTH_HOST,
    port: settings.HOLDFAST_HEALTH_PORT,
    metrics,
    lag: () => scheduler.lagSeconds(),
    checks: {
      store: () => store.ping(),
      async broker() {
        if (!messaging.connected) throw new Error('not connected to the broker');
      },
    },
  });
  releasers.add('health', () => health.stop());
  return scheduler;
});

function credentialsIn(path: string | undefined): { credentials?: BrokerCredentials } {
  return path === undefined ? {} : { credentials: { kind: 'file', path } };
}
