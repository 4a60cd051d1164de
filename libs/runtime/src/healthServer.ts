import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { errorFacts, HoldfastError } from '@holdfast/contracts';
import type { Metrics } from './metrics.ts';
import { redactText } from './redact.ts';

export interface HealthServerOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** What must work before this process can do its work, by name; a check throws when it does not. */
  checks: Record<string, () => Promise<void>>;
  metrics: Metrics;
  /** Age in seconds of the oldest unfinished work. */
  lag?: () => number;
  /** A check that takes longer has failed. Default 2000. */
  checkLimitMs?: number;
}

export interface HealthServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Ports of the health servers of this process; `runService` prints the first one in its ready line. */
export const openHealthPorts = new Set<number>();

interface CheckResult {
  ok: boolean;
  ms: number;
  error?: string;
}

/**
 * Starts the small HTTP server of a process: `/healthz` (the event loop turns), `/readyz` (the checks pass) and
 * `/metrics`.
 *
 * @throws HoldfastError `health-port` (configuration) when the address cannot be taken.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const ready = shareInFlight(() => runChecks(options.checks, options.checkLimitMs ?? 2000));
  const lagGauge = options.metrics.gauge('holdfast_lag_seconds', 'Age of the oldest unfinished work');
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      send(response, 500, { error: errorFacts(error).message });
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, 405, { error: 'only GET is answered here' });
    }
    if (path === '/healthz') return send(response, 200, { status: 'alive' });
    if (path === '/readyz') {
      const checks = await ready();
      const ok = Object.values(checks).every((check) => check.ok);
      const lag = options.lag === undefined ? {} : { lagSeconds: options.lag() };
      return send(response, ok ? 200 : 503, { status: ok ? 'ready' : 'not ready', ...lag, checks });
    }
    if (path === '/metrics') {
      if (options.lag !== undefined) lagGauge.set(options.lag());
      const text = await options.metrics.text();
      response.writeHead(200, { 'content-type': options.metrics.contentType }).end(text);
      return;
    }
    send(response, 404, { error: 'there are /healthz, /readyz and /metrics' });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${options.host}:${options.port}`;
      reject(
        new HoldfastError('health-port', 'configuration', `cannot listen on ${where}: ${cause.message}`, {
          remedy: 'Set HOLDFAST_HEALTH_PORT to a free port, or to 0 for any.',
          cause,
        }),
      );
    });
    server.listen(options.port, options.host, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  openHealthPorts.add(port);
  return {
    port,
    async stop() {
      openHealthPorts.delete(port);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** Many probes at once cost one round of checks. */
function shareInFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  return () => {
    current ??= work().finally(() => {
      current = undefined;
    });
    return current;
  };
}

async function runChecks(
  checks: Record<string, () => Promise<void>>,
  limitMs: number,
): Promise<Record<string, CheckResult>> {
  const named = Object.entries(checks).map(
    async ([name, check]): Promise<[string, CheckResult]> => [name, await runCheck(check, limitMs)],
  );
  return Object.fromEntries(await Promise.all(named));
}

async function runCheck(check: () => Promise<void>, limitMs: number): Promise<CheckResult> {
  const started = performance.now();
  const ms = () => Math.round(performance.now() - started);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([Promise.resolve().then(check), limit]);
    return { ok: true, ms: ms() };
  } catch (error) {
    return { ok: false, ms: ms(), error: redactText(errorFacts(error).message) };
  } finally {
    clearTimeout(timer);
  }
}
