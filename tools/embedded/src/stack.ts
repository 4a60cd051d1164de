import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@holdfast/testing';
import { heapFlags } from './heapFlags.ts';
import { type ManagedProcess, readyJson, startManagedProcess } from './managedProcess.ts';

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

export const serviceNames = ['scheduler', 'sync', 'retention', 'restore', 'notify', 'api'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface StackOptions {
  /** Everything the stack writes is below this folder. */
  dataDir: string;
  natsServer: string;
  /** 0 = any free port. */
  natsPort: number;
  apiPort: number;
  /** Address that the REST API listens on. */
  apiHost: string;
  /** Sync worker processes. */
  workers: number;
  /** The services to start; all of them when absent. */
  services?: readonly ServiceName[];
  /** `sqlite:…` or `mongodb://…`; SQLite in the data folder when absent. */
  storeUrl?: string;
  /** More settings, for all services. */
  env?: Record<string, string>;
  onExit?: (name: string) => void;
}

export interface Stack {
  readonly apiUrl: string;
  readonly natsUrl: string;
  readonly adminToken: string;
  readonly dataDir: string;
  readonly storeUrl: string;
  /** Environment that every service got, for starting one more. */
  readonly env: Record<string, string>;
  readonly processes: Map<string, ManagedProcess>;
  /** Starts a service (again) under a name, such as `sync-2`. */
  startService(
    service: ServiceName,
    name?: string,
    /** Settings of this process only. */
    env?: Readonly<Record<string, string>>,
  ): Promise<ManagedProcess>;
  startBroker(): Promise<ManagedProcess>;
  stop(): Promise<void>;
}

function writeBrokerConfig(dataDir: string, port: number): string {
  const config = join(dataDir, 'nats.conf');
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    'server_name: holdfast-embedded',
    `jetstream { store_dir: ${JSON.stringify(join(dataDir, 'nats'))} }`,
    'max_payload: 4MB',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return config;
}

/**
 * Starts nats-server and every service as processes of their own, on this machine only.
 *
 * @throws HoldfastError `process-not-started` with the log of the one that did not start; the others are stopped.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir);
  const logs = join(dataDir, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const natsPort = options.natsPort === 0 ? await freePort() : options.natsPort;
  const apiPort = options.apiPort === 0 ? await freePort() : options.apiPort;
  const storeUrl = options.storeUrl ?? `sqlite:${join(dataDir, 'holdfast.db')}`;
  const tokenFile = join(dataDir, 'admin-token');
  const natsUrl = `nats://127.0.0.1:${natsPort}`;
  const env: Record<string, string> = {
    HOLDFAST_NATS_URL: natsUrl,
    HOLDFAST_STORE: storeUrl,
    HOLDFAST_SECRET_KEY_FILE: join(dataDir, 'secret.key'),
    HOLDFAST_CACHE_DIR: join(dataDir, 'cache'),
    HOLDFAST_EXPORT_DIR: join(dataDir, 'exports'),
    HOLDFAST_FIRST_TOKEN_FILE: tokenFile,
    HOLDFAST_API_PORT: String(apiPort),
    HOLDFAST_API_HOST: options.apiHost,
    HOLDFAST_HEALTH_PORT: '0',
    HOLDFAST_READY: 'stdout',
    // glibc gives each thread a heap of its own, and none of them gives back what others could use.
    MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '2',
    // With code that was compiled before, services start with three fifths of the processor time, their threads with half.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(dataDir, 'cache', 'code'),
    ...options.env,
  };
  const processes = new Map<string, ManagedProcess>();
  let stopping = false;

  const add = async (name: string, starting: Promise<ManagedProcess>): Promise<ManagedProcess> => {
    const started = await starting;
    processes.set(name, started);
    void started.exited.then(() => {
      if (processes.get(name) !== started) return;
      processes.delete(name);
      if (!stopping) options.onExit?.(name);
    });
    return started;
  };
  const startService: Stack['startService'] = (service, name = service, own = {}) =>
    add(
      name,
      startManagedProcess({
        name,
        command: process.execPath,
        args: [
          '--disable-warning=ExperimentalWarning',
          ...heapFlags(service, { ...env, ...own }),
          join(root, 'services', service, 'src', 'main.ts'),
        ],
        env: { ...env, HOLDFAST_INSTANCE: name, ...own },
        logFile: join(logs, `${name}.log`),
        readyFrom: readyJson,
        readyWithinMs: 60_000,
      }),
    );
  const startBroker = () =>
    add(
      'nats-server',
      startManagedProcess({
        name: 'nats-server',
        command: options.natsServer,
        args: ['-c', writeBrokerConfig(dataDir, natsPort)],
        env: {},
        logFile: join(logs, 'nats-server.log'),
        readyFrom: (line) => (line.includes('Server is ready') ? { ready: true } : undefined),
        readyWithinMs: 20_000,
      }),
    );
  const stop = async () => {
    stopping = true;
    const services = [...processes.values()].filter((one) => one.name !== 'nats-server');
    await Promise.all(services.map((one) => one.stop()));
    await processes.get('nats-server')?.stop();
  };

  try {
    await startBroker();
    // The api comes first and alone: it makes the secret key and the first token, which the others read.
    await startService('api');
    const workers = Array.from({ length: options.workers }, (_, n) => (n === 0 ? 'sync' : `sync-${n + 1}`));
    await Promise.all([
      ...(options.services ?? serviceNames)
        .filter((name) => name !== 'api' && name !== 'sync')
        .map((name) => startService(name)),
      ...workers.map((name) => startService('sync', name)),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    apiUrl: `http://${options.apiHost}:${apiPort}`,
    natsUrl,
    adminToken: readFileSync(tokenFile, 'utf8').trim(),
    dataDir,
    storeUrl,
    env,
    processes,
    startService,
    startBroker,
    stop,
  };
}
