import { HoldfastError } from '@holdfast/contracts';
import { ensureNatsServer } from './natsServer.ts';
import { type ServiceName, type Stack, serviceNames, startStack } from './stack.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function settingNumber(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new HoldfastError('bad-setting', 'configuration', `${name} is "${text}", which is no whole number.`, {
    remedy: `Set ${name} to a number such as ${fallback}, or leave it out.`,
  });
}

/** Starts a service again when it ended by itself, with a growing pause. */
function keepAlive(stack: Stack, name: string, failures: Map<string, number>, stopping: () => boolean): void {
  if (stopping()) return;
  const count = (failures.get(name) ?? 0) + 1;
  failures.set(name, count);
  const pauseMs = Math.min(1000 * 2 ** (count - 1), 30_000);
  say(`${name} ended; starting it again in ${pauseMs / 1000} s (see ${stack.dataDir}/logs/${name}.log)`);
  setTimeout(() => {
    if (stopping()) return;
    const again =
      name === 'nats-server'
        ? stack.startBroker()
        : stack.startService(serviceNames.find((service) => name.startsWith(service)) as ServiceName, name);
    again.catch((error: unknown) => {
      say(error instanceof Error ? error.message : String(error));
      keepAlive(stack, name, failures, stopping);
    });
  }, pauseMs);
}

async function start(): Promise<void> {
  const failures = new Map<string, number>();
  let stopping = false;
  let started: Stack | undefined;
  const stack = await startStack({
    dataDir: process.env.HOLDFAST_DATA ?? './data',
    natsServer: await ensureNatsServer(say),
    natsPort: settingNumber('HOLDFAST_NATS_PORT', 14_222),
    apiPort: settingNumber('HOLDFAST_API_PORT', 8480),
    apiHost: process.env.HOLDFAST_API_HOST ?? '127.0.0.1',
    workers: settingNumber('HOLDFAST_WORKERS', 1),
    ...(process.env.HOLDFAST_STORE === undefined ? {} : { storeUrl: process.env.HOLDFAST_STORE }),
    onExit: (name) => {
      if (started !== undefined) keepAlive(started, name, failures, () => stopping);
    },
  });
  started = stack;
  say(`\nHoldfast is running. REST API: ${stack.apiUrl}/api/v1 (data: ${stack.dataDir})`);
  say(`Administrator token: ${stack.dataDir}/admin-token`);
  say('Next: npm run holdfast -- --help. Stop with Ctrl+C.\n');
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  stopping = true;
  say('Stopping …');
  await stack.stop();
}

try {
  await start();
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error;
  say(error.message);
  if (error.remedy !== undefined) say(error.remedy);
  process.exitCode = 1;
}
