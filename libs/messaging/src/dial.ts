import { readFile } from 'node:fs/promises';
import {
  type ConnectionOptions as ClientOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
} from '@nats-io/transport-node';
import { brokerError } from './brokerErrors.ts';
import { BrokerRefused, BrokerUnavailable } from './errors.ts';
import type { Log } from './log.ts';
import { growingPause, pause } from './pauses.ts';

/** How this process shows who it is. User and password may also stand in the address (`nats://user:password@host`). */
export type BrokerCredentials =
  | { kind: 'user'; user: string; password: string }
  | { kind: 'token'; token: string }
  /** Path of a NATS `.creds` file. */
  | { kind: 'file'; path: string };

export interface DialOptions {
  servers: readonly string[];
  /** Name of this process as the broker's monitoring shows it. */
  name: string;
  credentials?: BrokerCredentials | undefined;
  /** How long the first connection is tried before the start fails. */
  connectLimitMs: number;
  log: Log;
}

/**
 * Connects; the connection then comes back by itself for ever.
 * @throws BrokerUnavailable when no broker was reached in time, BrokerRefused when it refuses the credentials.
 */
export async function dial(options: DialOptions): Promise<NatsConnection> {
  const clientOptions = await clientOptionsOf(options);
  const until = performance.now() + options.connectLimitMs;
  const pauses = growingPause(100, 2000);
  for (;;) {
    try {
      return await connect(clientOptions);
    } catch (cause) {
      const servers = String(clientOptions.servers);
      const known = brokerError(cause, `connecting to ${servers}`);
      if (!(known instanceof BrokerUnavailable)) throw known;
      if (performance.now() >= until) {
        throw new BrokerUnavailable(`no broker answers at ${servers}`, { cause });
      }
      options.log.warn({ error: known, servers }, 'the broker is not there yet');
      await pause(pauses.next());
    }
  }
}

async function clientOptionsOf(options: DialOptions): Promise<ClientOptions> {
  const urls = options.servers.map((server) => new URL(server));
  const [first] = urls;
  const userInUrl =
    first === undefined || first.username === ''
      ? {}
      : { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) };
  const tls = urls.some((url) => url.protocol === 'tls:') ? { tls: {} } : {};
  return {
    servers: urls.map((url) => `${url.hostname}:${url.port || '4222'}`),
    name: options.name,
    timeout: 5000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 250,
    // Two refused logins would otherwise end the connection for good, and credentials may be rotated meanwhile.
    ignoreAuthErrorAbort: true,
    // A dead peer is noticed after 30 s instead of 6 min.
    pingInterval: 10_000,
    maxPingOut: 2,
    // Each request would otherwise keep the stack of its caller: a twentieth of a worker's time.
    noAsyncTraces: true,
    ...userInUrl,
    ...tls,
    ...(await credentialsOf(options.credentials)),
  };
}

async function credentialsOf(credentials: BrokerCredentials | undefined): Promise<ClientOptions> {
  if (credentials === undefined) return {};
  if (credentials.kind === 'user') return { user: credentials.user, pass: credentials.password };
  if (credentials.kind === 'token') return { token: credentials.token };
  try {
    return { authenticator: credsAuthenticator(await readFile(credentials.path)) };
  } catch (cause) {
    throw new BrokerRefused(`the credentials file ${credentials.path} cannot be read`, {
      remedy: 'Correct HOLDFAST_NATS_CREDENTIALS_FILE, or let this service read the file.',
      cause,
    });
  }
}
