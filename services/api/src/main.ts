import { readFile } from 'node:fs/promises';
import { collections, HoldfastError } from '@holdfast/contracts';
import { parseClouds } from '@holdfast/exchange';
import { connectMessaging } from '@holdfast/messaging';
import { loadConfig, runService, startHealthServer } from '@holdfast/runtime';
import { loadSealer, openStore, type Store } from '@holdfast/store';
import { cloudFacts } from './adapters/cloudFacts.ts';
import { cloudRefusal } from './adapters/cloudRefusal.ts';
import { type ApiSettings, apiSettings } from './config.ts';
import { startApi } from './service.ts';

async function readSetting(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new HoldfastError('unreadable-file', 'configuration', `${name}: ${file} cannot be read`, {
      remedy: 'Check that the file exists and that this user may read it.',
      cause,
    });
  }
}

async function tlsOf(settings: ApiSettings): Promise<{ cert: string; key: string } | undefined> {
  const { HOLDFAST_API_TLS_CERT_FILE: cert, HOLDFAST_API_TLS_KEY_FILE: key } = settings;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new HoldfastError(
      'tls-material',
      'configuration',
      'a certificate and its key are needed for HTTPS',
      {
        remedy: 'Set both HOLDFAST_API_TLS_CERT_FILE and HOLDFAST_API_TLS_KEY_FILE, or neither.',
      },
    );
  }
  return {
    cert: await readSetting('HOLDFAST_API_TLS_CERT_FILE', cert),
    key: await readSetting('HOLDFAST_API_TLS_KEY_FILE', key),
  };
}

/** True when there is no sealed secret in the store yet. */
async function isFresh(store: Store): Promise<boolean> {
  const organizations = await store.collection(collections.organizations).count();
  const repositories = await store.collection(collections.repositories).count();
  return organizations + repositories === 0;
}

runService('api', async ({ env, logger, metrics, clock, releasers }) => {
  const settings = loadConfig(apiSettings, env);
  const file = settings.HOLDFAST_CLOUDS_FILE;
  const extra = file === undefined ? {} : parseClouds(await readSetting('HOLDFAST_CLOUDS_FILE', file));
  const tls = await tlsOf(settings);
  const store = await openStore(settings.HOLDFAST_STORE);
  releasers.add('store', () => store.close());
  const sealing = await loadSealer({
    ...(settings.HOLDFAST_SECRET_KEY_FILE === undefined
      ? {}
      : { keyFile: settings.HOLDFAST_SECRET_KEY_FILE }),
    // A new key beside old secrets would hide that the right one is missing.
    createIfMissing: await isFresh(store),
  });
  const messaging = await connectMessaging({
    servers: settings.HOLDFAST_NATS_URL,
    prefix: settings.HOLDFAST_PREFIX,
    name: settings.HOLDFAST_INSTANCE,
    replicas: settings.HOLDFAST_REPLICAS,
    logger,
  });
  releasers.add('messaging', () => messaging.close());
  const api = await startApi({
    store,
    messaging,
    sealing,
    clouds: cloudFacts(extra),
    cloudRefusal: (name) => cloudRefusal(name, extra),
    logger,
    metrics,
    clock,
    listen: { host: settings.HOLDFAST_API_HOST, port: settings.HOLDFAST_API_PORT, tls },
    pool: settings.HOLDFAST_POOL,
    version: JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version,
    firstTokenFile: settings.HOLDFAST_FIRST_TOKEN_FILE,
    print: (text) => process.stdout.write(text),
  });
  logger.info({ url: api.url }, 'serving the REST API');
  if (tls === undefined && !/^(127\.|localhost$|::1$)/.test(settings.HOLDFAST_API_HOST)) {
    logger.warn(
      { host: settings.HOLDFAST_API_HOST },
      'plain HTTP leaves this machine: put HTTPS in front of it',
    );
  }
  const health = await startHealthServer({
    host: settings.HOLDFAST_HEALTH_HOST,
    port: settings.HOLDFAST_HEALTH_PORT,
    checks: {
      store: () => store.ping(),
      broker: async () => {
        if (!messaging.connected) throw new Error('not connected to the broker');
      },
    },
    metrics,
  });
  releasers.add('health', () => health.stop());
  return api;
});
