import { writeSync } from 'node:fs';
import { classOf, errorFacts } from '@holdfast/contracts';
import { z } from 'zod';
import { type Clock, offsetClock } from './clock.ts';
import { commonSettings, defaultInstance } from './commonSettings.ts';
import { openHealthPorts } from './healthServer.ts';
import { loadConfig } from './loadConfig.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createReleasers, type Releasers } from './releasers.ts';

/** What `runService` hands to a service's start. */
export interface ServiceContext {
  /** The environment, with HOLDFAST_INSTANCE filled in. */
  env: NodeJS.ProcessEnv;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  /** Aborted when the process was asked to end. */
  signal: AbortSignal;
  /** What is added here is closed after the service has stopped, or when its start failed. */
  releasers: Releasers;
}

export interface ServiceHandle {
  /** Stops taking work, finishes or checkpoints what is in hand, resolves. */
  stop(): Promise<void>;
  /** Resolves when the service has ended; rejects when it cannot go on. */
  done: Promise<void>;
}

/** Exit codes: 0 ended as asked, 1 failed, 70 a defect (unhandled error), 78 a wrong setting (sysexits.h). */
const exitCodes = { ended: 0, failed: 1, defect: 70, configuration: 78 } as const;
const stopLimitMs = 30_000;

/**
 * Runs a service as this process, for `main.ts`: logger, metrics, signals, exit code. SIGTERM and SIGINT stop it
 * (30 s at most, a second signal ends it at once). An unhandled error ends the process at once: its state is unknown,
 * and every protocol survives that. With `HOLDFAST_READY=stdout` (or a descriptor in `HOLDFAST_READY_FD`) it prints
 * `{"ready":true,...}` once it is up.
 */
export function runService(name: string, start: (context: ServiceContext) => Promise<ServiceHandle>): void {
  run(name, start).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(
        `${JSON.stringify({ level: 'error', service: name, error: errorFacts(error) })}\n`,
      );
      process.exit(exitCodeOf(error));
    },
  );
}

async function run(
  name: string,
  start: (context: ServiceContext) => Promise<ServiceHandle>,
): Promise<number> {
  const env = { ...process.env };
  if (!env.HOLDFAST_INSTANCE) env.HOLDFAST_INSTANCE = defaultInstance(name);
  const { HOLDFAST_LOG_LEVEL, HOLDFAST_INSTANCE, HOLDFAST_TEST_CLOCK_OFFSET_MS } = commonSettings;
  const settings = loadConfig(
    z.object({ HOLDFAST_LOG_LEVEL, HOLDFAST_INSTANCE, HOLDFAST_TEST_CLOCK_OFFSET_MS }),
    env,
  );
  const instance = settings.HOLDFAST_INSTANCE;
  const logger = createLogger({ service: name, instance, level: settings.HOLDFAST_LOG_LEVEL });
  endOnDefect(logger);
  const stopping = endOnSignal(logger);
  const releasers = createReleasers(logger);
  const metrics = createMetrics(name);
  const clock = offsetClock(settings.HOLDFAST_TEST_CLOCK_OFFSET_MS);
  if (settings.HOLDFAST_TEST_CLOCK_OFFSET_MS !== 0) {
    logger.warn({ now: new Date(clock.now()).toISOString() }, 'the clock of this process is set for a drill');
  }
  const context = { env, logger, metrics, clock, signal: stopping, releasers };
  let code: number = exitCodes.ended;
  try {
    const handle = await start(context);
    announce(name, instance, logger);
    const done = handle.done.catch((error: unknown) => {
      logger.error({ error }, 'the service cannot go on');
      code = exitCodeOf(error);
    });
    await Promise.race([done, aborted(stopping)]);
    await handle.stop();
    await done;
  } catch (error) {
    logger.error({ error }, 'the service failed');
    code = exitCodeOf(error);
  }
  await releasers.release();
  logger.info({ code }, 'ended');
  await logger.flush();
  return code;
}

const exitCodeOf = (error: unknown): number =>
  classOf(error) === 'configuration' ? exitCodes.configuration : exitCodes.failed;

function endOnDefect(logger: Logger): void {
  const end = (error: unknown, kind: string) => {
    logger.error({ error, kind }, 'unhandled error: this is a defect, the process ends');
    process.exit(exitCodes.defect);
  };
  process.on('uncaughtException', (error) => end(error, 'exception'));
  process.on('unhandledRejection', (reason) => end(reason, 'rejection'));
}

function endOnSignal(logger: Logger): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      logger.warn({ signal }, 'second signal: ending at once');
      process.exit(exitCodes.failed);
    }
    logger.info({ signal }, 'stopping');
    controller.abort();
    setTimeout(() => {
      logger.error({ limitMs: stopLimitMs }, 'did not stop in time: ending at once');
      process.exit(exitCodes.failed);
    }, stopLimitMs).unref();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function announce(service: string, instance: string, logger: Logger): void {
  const [healthPort] = openHealthPorts;
  logger.info({ healthPort }, 'ready');
  const given = process.env.HOLDFAST_READY_FD;
  const descriptor = given ? Number(given) : process.env.HOLDFAST_READY === 'stdout' ? 1 : undefined;
  if (descriptor === undefined) return;
  try {
    writeSync(descriptor, `${JSON.stringify({ ready: true, service, instance, healthPort })}\n`);
  } catch (error) {
    // Whoever waited for the line is gone; the service itself is well.
    logger.warn({ error, descriptor }, 'the ready line could not be written');
  }
}
