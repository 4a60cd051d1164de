import { collections as declarations, type EventRecord, HoldfastError, type Job } from '@holdfast/contracts';
import { askQuestion, createOutbox, type Messaging } from '@holdfast/messaging';
import type { Clock, Logger, Metrics } from '@holdfast/runtime';
import { nextFires } from '@holdfast/scheduling';
import type { Store } from '@holdfast/store';
import { startEventHub } from './adapters/eventHub.ts';
import { ensureFirstToken } from './adapters/firstToken.ts';
import { type Listening, type ListenOptions, listen } from './adapters/listen.ts';
import { startLiveView } from './adapters/liveView.ts';
import { createFailedSignIns, type FailedSignInLimits } from './domain/failedSignIns.ts';
import { createApp } from './http/app.ts';
import { createEventStreams, defaultStreamLimits, type EventStreamLimits } from './http/eventStreams.ts';
import { createSignIn } from './http/signIn.ts';
import { createApiMetrics } from './metrics.ts';
import type { ApiPorts, CloudFacts, Collections, Running, Sealing } from './ports.ts';
import { apiRoutes } from './routes.ts';

export interface ApiDeps {
  store: Store;
  messaging: Messaging;
  sealing: Sealing;
  clouds: readonly CloudFacts[];
  cloudRefusal: (name: string) => string | undefined;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  listen: ListenOptions;
  /** Pool that verifies organizations, explores and restores. */
  pool: string;
  version: string;
  firstTokenFile?: string | undefined;
  /** Prints to people at the terminal. */
  print: (text: string) => void;
  streamLimits?: Partial<EventStreamLimits>;
  signInLimits?: Partial<FailedSignInLimits>;
}

export interface Api {
  readonly url: string;
  readonly port: number;
  /** Takes no new requests, ends streams, lets the outbox finish. */
  stop(): Promise<void>;
  done: Promise<void>;
}

const questionTimeoutMs = 30_000;
const defaultSignInLimits: FailedSignInLimits = { limit: 10, windowMs: 60_000, addresses: 10_000 };

function openCollections(store: Store): Collections {
  return {
    organizations: store.collection(declarations.organizations),
    mailboxes: store.collection(declarations.mailboxes),
    repositories: store.collection(declarations.repositories),
    jobs: store.collection(declarations.jobs),
    runs: store.collection(declarations.runs),
    runTasks: store.collection(declarations.runTasks),
    restorePoints: store.collection(declarations.restorePoints),
    holds: store.collection(declarations.holds),
    retentionGuards: store.collection(declarations.retentionGuards),
    restoreSessions: store.collection(declarations.restoreSessions),
    restoreParts: store.collection(declarations.restoreParts),
    restorePlan: store.collection(declarations.restorePlan),
    restoreLedger: store.collection(declarations.restoreLedger),
    events: store.collection<EventRecord>(declarations.events),
    notifications: store.collection(declarations.notifications),
    alerts: store.collection(declarations.alerts),
    webhooks: store.collection(declarations.webhooks),
    webhookDeliveries: store.collection(declarations.webhookDeliveries),
    tokens: store.collection(declarations.tokens),
    audit: store.collection(declarations.audit),
    settings: store.collection(declarations.settings),
    proxies: store.collection(declarations.proxies),
    groups: store.collection(declarations.groups),
    mailboxHeads: store.collection(declarations.mailboxHeads),
    pools: store.collection(declarations.pools),
    runScripts: store.collection(declarations.runScripts),
  };
}

function nextFireOf(job: Job, afterMs: number): string | undefined {
  if (!job.enabled) return undefined;
  return nextFires(job.schedules, new Date(afterMs), 1)[0]?.time.toISOString();
}

const brokerAway = () =>
  new HoldfastError('broker-away', 'transient', 'the message broker cannot be reached at the moment', {
    remedy: 'Check that nats-server runs; the connection comes back by itself, then repeat the request.',
  });

type PortParts = Pick<ApiPorts, 'collections' | 'announce' | 'live' | 'hub'>;

function portsOf(deps: ApiDeps, parts: PortParts): ApiPorts {
  const { messaging, pool } = deps;
  return {
    ...parts,
    sealing: deps.sealing,
    async ask(name, request, options) {
      // Waiting for a broker that is away would use up the caller's patience and then blame the workers.
      if (!messaging.connected) throw brokerAway();
      return askQuestion(messaging, options?.pool ?? pool, name, request, {
        timeoutMs: options?.timeoutMs ?? questionTimeoutMs,
      });
    },
    publishRestore: (task, of, reason) =>
      messaging.publishTask('restore', of, task.sessionId, task, `restore.${task.sessionId}.${reason}`),
    clouds: deps.clouds,
    cloudRefusal: deps.cloudRefusal,
    nextFire: nextFireOf,
    clock: deps.clock,
    logger: deps.logger,
    pool,
    version: deps.version,
  };
}

/** Starts the REST API: what tests start, and main. */
export async function startApi(deps: ApiDeps): Promise<Api> {
  const collections = openCollections(deps.store);
  const running: Running[] = [];
  const stopAll = async () => {
    for (let one = running.pop(); one !== undefined; one = running.pop()) await one.stop();
  };
  try {
    const { messaging, clock } = deps;
    const outbox = createOutbox({
      rows: collections.events,
      publish: (event) => messaging.publishEvent(event),
      source: 'api',
      now: () => clock.now(),
    });
    running.push(outbox.start());
    const hub = await startEventHub(messaging);
    running.push(hub);
    const live = await startLiveView(messaging);
    running.push(live);
    const ports = portsOf(deps, { collections, announce: (event) => outbox.add(event), hub, live });
    await ensureFirstToken({
      tokens: collections.tokens,
      file: deps.firstTokenFile,
      now: () => clock.now(),
      print: deps.print,
    });
    const listening = await serve(deps, ports, running);
    let ended: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const stop = async () => {
      await stopAll();
      ended();
    };
    return { url: listening.url, port: listening.port, done, stop };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Puts the routes behind a listening server; adds what must be stopped, streams first. */
async function serve(deps: ApiDeps, ports: ApiPorts, running: Running[]): Promise<Listening> {
  const metrics = createApiMetrics(deps.metrics);
  const { hub, live } = ports;
  const limits = { ...defaultStreamLimits, ...deps.streamLimits };
  const streams = createEventStreams({ hub, live, metrics, limits });
  const now = () => deps.clock.now();
  const failures = createFailedSignIns(now, { ...defaultSignInLimits, ...deps.signInLimits });
  const signIn = createSignIn(ports.collections.tokens, failures, deps.clock);
  const routes = apiRoutes(ports, { signIn, streams });
  const { logger, version } = deps;
  const auditing = { records: ports.collections.audit, clock: deps.clock, logger };
  const app = createApp({ routes, signIn, auditing, logger, metrics, now, version });
  const listening = await listen(deps.listen, app);
  running.push(listening, { stop: async () => streams.stop() });
  return listening;
}
