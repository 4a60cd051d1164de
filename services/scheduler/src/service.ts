import { bucketTtlMs, collections, type FieldProblem, type Script } from '@holdfast/contracts';
import { createOutbox, type Messaging, serveQuestion } from '@holdfast/messaging';
import type { Clock, Logger, ServiceHandle } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { openBrokerQueue } from './adapters/brokerQueue.ts';
import { checkScript, type ScriptRules } from './adapters/checkScript.ts';
import { createInventory, openProxyWatch } from './adapters/proxies.ts';
import { createScriptProcesses } from './adapters/scriptProcesses.ts';
import { createStoreBooks } from './adapters/storeBooks.ts';
import { createBackoff } from './domain/backoff.ts';
import { interruptLeftScripts } from './domain/runScripts.ts';
import { createSilence } from './domain/silence.ts';
import { startFires } from './fires.ts';
import { leadWhenPossible, type Term } from './leader.ts';
import type { SchedulerMetrics } from './metrics.ts';
import type { Announce } from './ports.ts';
import { startRuns } from './runs.ts';
import { subscribe } from './subscriptions.ts';
import { startWatch } from './watch.ts';

export interface SchedulerTimes {
  reconcileMs: number;
  orphanAfterMs: number;
  abandonedAfterMs: number;
  rereadJobsMs: number;
  standbyMs: number;
  missedAfterMs: number;
}

export interface SchedulerDeps {
  store: Store;
  messaging: Messaging;
  clock: Clock;
  logger: Logger;
  metrics: SchedulerMetrics;
  /** Name of this process among the schedulers. */
  instance: string;
  times: SchedulerTimes;
  /** Which scripts of jobs may run on this machine. */
  scripts: ScriptRules;
}

export interface Scheduler extends ServiceHandle {
  /** Age of the oldest run that has not ended, seconds; 0 for a standby. */
  lagSeconds(): number;
}

const leaseKey = 'scheduler';
/** Events of the last hour are told again to a broker that came back empty; services find older ones by themselves. */
const republishMs = 3_600_000;
const watchEveryMs = 5_000;
const retryPauses = { firstMs: 1_000, longestMs: 15_000 };

/** Starts a scheduler: it leads or stands by until it is stopped. */
export async function startScheduler(deps: SchedulerDeps): Promise<Scheduler> {
  const { store, messaging, clock, logger, metrics } = deps;
  const stopping = new AbortController();
  const outbox = createOutbox({
    rows: store.collection(collections.events),
    publish: (event) => messaging.publishEvent(event),
    source: 'scheduler',
    now: () => clock.now(),
    logger,
  });
  const relay = outbox.start();
  const deaf = messaging.onBrokerEmptied(() => {
    const since = new Date(clock.now() - republishMs).toISOString();
    outbox.republish(since).then(
      (events) => logger.warn({ events }, 'the broker came back empty; recent events are published again'),
      (error: unknown) => logger.warn({ error }, 'recent events could not be published again'),
    );
  });
  let oldestMs: number | undefined;

  async function lead(term: Term): Promise<void> {
    metrics.leader.set(1);
    try {
      await leadTerm(
        deps,
        term,
        (...events) => outbox.add(...events),
        (timeMs) => {
          oldestMs = timeMs;
        },
      );
    } finally {
      metrics.leader.set(0);
      oldestMs = undefined;
    }
  }

  const done = leadWhenPossible({
    ...{ messaging, clock, logger, lead },
    key: leaseKey,
    instance: deps.instance,
    standbyMs: deps.times.standbyMs,
    stopping: stopping.signal,
  }).finally(() => {
    deaf();
    return relay.stop();
  });
  return {
    done,
    async stop() {
      stopping.abort();
      await done;
    },
    lagSeconds: () => (oldestMs === undefined ? 0 : Math.max(0, clock.now() - oldestMs) / 1000),
  };
}

async function problemsOf(rules: ScriptRules, script: Script): Promise<FieldProblem[]> {
  const checked = await checkScript(rules, script);
  return 'problems' in checked ? checked.problems : [];
}

async function leadTerm(
  deps: SchedulerDeps,
  { over, guard }: Term,
  announceNow: Announce,
  onOldest: (timeMs: number | undefined) => void,
): Promise<void> {
  const { store, messaging, clock, logger, metrics, times } = deps;
  const now = (): number => clock.now();
  const announce: Announce = async (...events) => {
    guard();
    await announceNow(...events);
  };
  const books = createStoreBooks(store, guard);
  const scriptProcesses = createScriptProcesses({
    ...{ rules: deps.scripts, clock, logger, over },
    onEnded: (runId) => runs.nudge(runId),
  });
  const proxies = await openProxyWatch(messaging, now);
  const ports = {
    ...books,
    announce,
    now,
    queue: await openBrokerQueue(messaging, guard),
    proxies,
    inventory: createInventory(messaging),
    silence: createSilence(now),
    heard: (proxyId: string) => proxies.heard(proxyId),
    silentAfterMs: bucketTtlMs.proxies,
    scriptRunner: scriptProcesses,
    dispatched: new Set<string>(),
    orphanAfterMs: times.orphanAfterMs,
    abandonedAfterMs: times.abandonedAfterMs,
    missedAfterMs: times.missedAfterMs,
    onResent(run: { id: string }, tasks: readonly { mailboxId: string }[]) {
      metrics.resent.inc(tasks.length);
      logger.warn({ runId: run.id, tasks: tasks.length }, 'the broker lost tasks; they are sent again');
    },
  };
  const left = await interruptLeftScripts(ports);
  if (left > 0) logger.warn({ scripts: left }, 'scripts were cut short with the scheduler before');
  const answering = await serveQuestion(messaging, 'default', 'checkScripts', async ({ scripts }) => ({
    problems: await Promise.all(scripts.map((script) => problemsOf(deps.scripts, script))),
  }));
  const backoff = createBackoff({ ...retryPauses, now });
  const runs = startRuns({
    ...{ ports, backoff, clock, logger, metrics, over, onOldest },
    reconcileMs: times.reconcileMs,
    onEnded: (run) => fires.runEnded(run.jobId),
  });
  const fires = startFires({
    ...{ ports, clock, logger, metrics, over },
    rereadMs: times.rereadJobsMs,
    onRequested: (runId) => runs.nudge(runId),
  });
  const following = subscribe(messaging, { runs, fires }).catch((error: unknown) => {
    logger.warn({ error }, 'no events to follow; runs are looked at in the usual rhythm');
    return undefined;
  });
  const watching = startWatch({ ports, clock, logger, over, everyMs: watchEveryMs });
  await Promise.all([runs.done, fires.done, watching]);
  await scriptProcesses.close();
  await answering.stop();
  await (await following)?.stop();
  await proxies.stop();
}
