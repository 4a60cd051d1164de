import { readFile } from 'node:fs/promises';
import { readClouds } from '@holdfast/exchange';
import { type BrokerCredentials, connectMessaging } from '@holdfast/messaging';
import { loadConfig, runService, startHealthServer } from '@holdfast/runtime';
import { loadSealer, openStore } from '@holdfast/store';
import { createHttpPoster } from './adapters/httpPoster.ts';
import { createMailTokens } from './adapters/mailTokens.ts';
import { readAuthorities } from './adapters/readAuthorities.ts';
import { createSmtpMailer } from './adapters/smtpMailer.ts';
import { notifySettingsSchema } from './config.ts';
import { createNotifyMetrics } from './metrics.ts';
import { startNotify } from './service.ts';

runService('notify', async ({ env, logger, metrics, clock, releasers }) => {
  const settings = loadConfig(notifySettingsSchema, env);
  const sealer = await loadSealer({ keyFile: settings.HOLDFAST_SECRET_KEY_FILE });
  const extraAuthorities = await readAuthorities('HOLDFAST_MAIL_CA_FILE', settings.HOLDFAST_MAIL_CA_FILE);
  const authorities = await readAuthorities('HOLDFAST_WEBHOOK_CA_FILE', settings.HOLDFAST_WEBHOOK_CA_FILE);
  const extraClouds = await readClouds(settings.HOLDFAST_CLOUDS_FILE);
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
  const sendLimitMs = settings.HOLDFAST_NOTIFY_SEND_LIMIT_MS;
  const webhookLimitMs = settings.HOLDFAST_WEBHOOK_LIMIT_MS;
  const notifier = await startNotify({
    ...{ store, messaging, clock, logger, sendLimitMs },
    mailer: createSmtpMailer({
      ...{ sealer, extraAuthorities, limitMs: sendLimitMs },
      tokens: createMailTokens(sealer, { clock, extraClouds }),
    }),
    poster: createHttpPoster({ authorities, limitMs: webhookLimitMs, now: () => clock.now() }),
    secrets: sealer,
    webhookLimitMs,
    webhooksAtOnce: settings.HOLDFAST_WEBHOOKS_AT_ONCE,
    alertsMs: settings.HOLDFAST_NOTIFY_ALERTS_MS,
    version: JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version,
    metrics: createNotifyMetrics(metrics),
    catchUpMs: settings.HOLDFAST_NOTIFY_CATCH_UP_MS,
  });
  const health = await startHealthServer({
    host: settings.HOLDFAST_HEALTH_HOST,
    port: settings.HOLDFAST_HEALTH_PORT,
    metrics,
    lag: () => notifier.lagSeconds(),
    checks: {
      store: () => store.ping(),
      async broker() {
        if (!messaging.connected) throw new Error('not connected to the broker');
      },
    },
  });
  releasers.add('health', () => health.stop());
  return notifier;
});

function credentialsIn(path: string | undefined): { credentials?: BrokerCredentials } {
  return path === undefined ? {} : { credentials: { kind: 'file', path } };
}
