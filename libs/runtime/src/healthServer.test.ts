import { HoldfastError } from '@holdfast/contracts';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type HealthServer,
  type HealthServerOptions,
  openHealthPorts,
  startHealthServer,
} from './healthServer.ts';
import { createMetrics } from './metrics.ts';

let server: HealthServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function start(options: Partial<HealthServerOptions>) {
  const metrics = createMetrics('test');
  server = await startHealthServer({ host: '127.0.0.1', port: 0, checks: {}, metrics, ...options });
  const { port } = server;
  return {
    port,
    metrics,
    get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init),
  };
}

describe('health server', () => {
  test('is alive and ready when every check passes', async () => {
    const { get, port } = await start({ checks: { store: async () => undefined }, lag: () => 12 });
    expect((await get('/healthz')).status).toBe(200);
    const ready = await get('/readyz');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      lagSeconds: 12,
      checks: { store: { ok: true } },
    });
    expect(openHealthPorts.has(port)).toBe(true);
  });

  test('names the check that fails, without the password in its message, and stays alive', async () => {
    const checks = {
      store: async () => {
        throw new Error('mongodb://u:hush@h/d refused');
      },
      broker: async () => undefined,
    };
    const { get } = await start({ checks });
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      status: 'not ready',
      checks: { store: { ok: false, error: 'mongodb://***@h/d refused' }, broker: { ok: true } },
    });
    expect((await get('/healthz')).status).toBe(200);
  });

  test('a check that hangs fails after the limit, and many probes at once start it only once', async () => {
    let started = 0;
    const hangs = () => {
      started += 1;
      return new Promise<void>(() => undefined);
    };
    const { get } = await start({ checks: { hangs }, checkLimitMs: 100 });
    const answers = await Promise.all([1, 2, 3, 4].map(() => get('/readyz')));
    expect(answers.map((a) => a.status)).toEqual([503, 503, 503, 503]);
    expect(await answers[0]?.json()).toMatchObject({
      checks: { hangs: { error: 'no answer within 100 ms' } },
    });
    expect(started).toBeLessThan(4);
  });

  test('metrics carry ours and those of the process', async () => {
    const { get, metrics } = await start({ lag: () => 5 });
    metrics.counter('holdfast_items_total', 'Items', ['kind']).inc({ kind: 'mail' }, 3);
    metrics.counter('holdfast_items_total', 'Items', ['kind']).inc({ kind: 'mail' }, 1);
    const text = await (await get('/metrics')).text();
    expect(text).toContain('holdfast_items_total{kind="mail",service="test"} 4');
    expect(text).toContain('holdfast_lag_seconds{service="test"} 5');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(text).toContain('process_resident_memory_bytes');
  });

  test('unknown paths and methods are refused', async () => {
    const { get } = await start({});
    expect((await get('/other')).status).toBe(404);
    expect((await get('/healthz', { method: 'POST' })).status).toBe(405);
  });

  test('a taken port is a configuration error that names the setting', async () => {
    const { port } = await start({});
    const second = startHealthServer({
      host: '127.0.0.1',
      port,
      checks: {},
      metrics: createMetrics('other'),
    });
    const error = await second.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({ errorClass: 'configuration', code: 'health-port' });
    expect((error as HoldfastError).remedy).toContain('HOLDFAST_HEALTH_PORT');
  });
});
