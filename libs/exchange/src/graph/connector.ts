import { tmpdir } from 'node:os';
import { type Cloud, isLoopback } from '../clouds.ts';
import type {
  BudgetGrant,
  BudgetPort,
  ExchangeClock,
  ExchangeLogger,
  ExchangeRandom,
  MailboxConnector,
  MailboxRef,
} from '../ports.ts';
import { bufferPool } from './bufferPool.ts';
import { type ConnectorCredential, createTokenSource } from './credentials.ts';
import { graphDirectory } from './directory.ts';
import { type HttpTransport, type TransportSettings, undiciTransport } from './httpTransport.ts';
import { AttemptFailed, GraphLine, type LineShared } from './line.ts';
import {
  defaultLimits,
  MailboxGate,
  type MailboxLimits,
  type MailboxMeters,
  newMeters,
} from './mailboxGate.ts';
import { defaultListing, type ListingSettings } from './messageListing.ts';
import { type BreakerSettings, defaultBreaker, OutageBreaker } from './outageBreaker.ts';
import { GraphReader } from './reader.ts';
import { defaultRetry, type RetrySettings } from './retryPolicy.ts';
import { newStatistics } from './statistics.ts';
import { verifyConnection } from './verifyConnection.ts';
import { GraphWriter } from './writer.ts';

export interface GraphConnectorOptions {
  cloud: Cloud;
  tenantId: string;
  clientId: string;
  credential: ConnectorCredential;
  budget: BudgetPort;
  clock: ExchangeClock;
  random: ExchangeRandom;
  logger?: ExchangeLogger;
  /** Moves requests; an undici pool when absent. Closed with the connector. */
  transport?: HttpTransport;
  transportSettings?: TransportSettings;
  limits?: Partial<MailboxLimits>;
  listing?: Partial<ListingSettings>;
  retry?: Partial<RetrySettings>;
  breaker?: Partial<BreakerSettings>;
  /** Where contents above 4 MiB wait for their reader; the system's temporary folder when absent. */
  spoolDirectory?: string;
  /** Ask for gzip; on when absent, but not towards this machine. */
  compress?: boolean;
  /** Of Holdfast, for the User-Agent. */
  version?: string;
}

/** Requests of the directory at a time. */
const directoryConcurrency = 4;
/** Meters are kept for this many mailboxes; the one longest unused goes first. */
const mostMeters = 20_000;

function sharedOf(options: GraphConnectorOptions): LineShared {
  const { cloud, clock, random, logger } = options;
  const transport =
    options.transport ??
    undiciTransport({
      ...options.transportSettings,
      ...(cloud.caPem === undefined ? {} : { caPem: cloud.caPem }),
    });
  return {
    cloud,
    transport,
    clock,
    random,
    logger,
    tokens: createTokenSource({ ...options, transport }),
    breaker: new OutageBreaker({
      settings: { ...defaultBreaker, ...options.breaker },
      clock,
      logger,
      isOutage: (error) => error instanceof AttemptFailed && error.refusal.outage,
    }),
    retry: { ...defaultRetry, ...options.retry },
    userAgent: `ISV|Holdfast|Holdfast/${options.version ?? '0.1.0'}`,
    compress: options.compress ?? !isLoopback(new URL(cloud.graphRoot)),
  };
}

/** A grant of nobody: the directory has limits of its own, which no mailbox shares. */
const directoryGrant = (): BudgetGrant => {
  let fence = 0;
  return {
    concurrency: directoryConcurrency,
    lost: new AbortController().signal,
    get fencedUntil() {
      return fence;
    },
    fenceUntil(timeMs) {
      fence = Math.max(fence, timeMs);
      return Promise.resolve();
    },
    release: () => Promise.resolve(),
  };
};

/** Graph counts the directory in resource units; this is far below and keeps one page request a bounded thing. */
const directoryLimits: MailboxLimits = {
  requests: { limit: 3_000, windowMs: 10_000 },
  uploadBytes: defaultLimits.uploadBytes,
};

/** Bytes of memory that a connector keeps for the contents of the next messages. */
const mostMemoryKept = 24 * 1024 * 1024;

/**
 * Connects to the mailboxes of a tenant by Microsoft Graph. Nothing is asked before the first use; wrong settings
 * show there, as `configuration` errors with a remedy.
 */
export function createGraphConnector(options: GraphConnectorOptions): MailboxConnector {
  const shared = sharedOf(options);
  const { clock, random } = options;
  const limits: MailboxLimits = { ...defaultLimits, ...options.limits };
  const listing: ListingSettings = { ...defaultListing, ...options.listing };
  const meters = new Map<string, MailboxMeters>();
  const closed = new AbortController();
  const directoryMeters = newMeters(directoryLimits);
  const grantOfDirectory = directoryGrant();

  const metersOf = (userId: string): MailboxMeters => {
    const known = meters.get(userId) ?? newMeters(limits);
    meters.delete(userId);
    meters.set(userId, known);
    const [oldest] = meters.keys();
    if (meters.size > mostMeters && oldest !== undefined) meters.delete(oldest);
    return known;
  };

  const lineOf = (
    grant: BudgetGrant,
    mailboxMeters: MailboxMeters,
    signals: readonly (AbortSignal | undefined)[],
    retry: RetrySettings = shared.retry,
  ): GraphLine => {
    const signal = AbortSignal.any([closed.signal, grant.lost, ...signals.filter((s) => s !== undefined)]);
    const statistics = newStatistics();
    const gate = new MailboxGate({ grant, meters: mailboxMeters, clock, random, statistics, signal });
    return new GraphLine({ ...shared, retry, gate, statistics, signal });
  };

  const directoryLine = (signal?: AbortSignal, retry?: RetrySettings): GraphLine =>
    lineOf(grantOfDirectory, directoryMeters, [signal], retry);

  const openLine = async (mailbox: MailboxRef, lane: 'backup' | 'restore', signal: AbortSignal) => {
    const grant = await options.budget.acquire(`${options.clientId}:${mailbox.userId}`, lane, signal);
    return { grant, line: lineOf(grant, metersOf(mailbox.userId), [signal]) };
  };

  const memory = bufferPool(mostMemoryKept);
  return {
    directory: graphDirectory(
      (signal) => directoryLine(signal),
      // A person waits for the answer: fewer repeats.
      ({ signal, ...more }) =>
        verifyConnection(directoryLine(signal, { ...shared.retry, repeats: 1, pauses: 2 }), {
          clientId: options.clientId,
          credential: options.credential,
          ...more,
        }),
    ),
    async reader(mailbox, { signal, recoverable = false }) {
      const { grant, line } = await openLine(mailbox, 'backup', signal);
      const spoolDirectory = options.spoolDirectory ?? tmpdir();
      const withRecoverable = recoverable;
      return new GraphReader({ line, grant, mailbox, withRecoverable, listing, spoolDirectory, memory });
    },
    async writer(mailbox, { signal }) {
      const { grant, line } = await openLine(mailbox, 'restore', signal);
      return new GraphWriter({ line, grant, mailbox });
    },
    async close() {
      closed.abort(new Error('the connector was closed'));
      shared.breaker.close();
      await shared.transport.close();
    },
  };
}
