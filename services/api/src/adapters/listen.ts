import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { HoldfastError } from '@holdfast/contracts';

export interface ListenOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  tls: { cert: string; key: string } | undefined;
}

export interface Listening {
  readonly port: number;
  readonly url: string;
  /** Takes no new requests, lets those in hand end, and cuts what is left after a limit. */
  stop(): Promise<void>;
}

const timeouts = { headersTimeout: 15_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 };
const stopLimitMs = 5_000;

function serverFor(options: ListenOptions, listener: RequestListener): Server {
  if (options.tls === undefined) return createHttpServer(timeouts, listener);
  try {
    return createHttpsServer({ ...timeouts, ...options.tls, minVersion: 'TLSv1.2' }, listener);
  } catch (cause) {
    throw new HoldfastError('tls-material', 'configuration', 'the certificate or its key cannot be used', {
      remedy:
        'HOLDFAST_API_TLS_CERT_FILE and HOLDFAST_API_TLS_KEY_FILE must be a PEM certificate and its key.',
      cause,
    });
  }
}

/** Serves HTTP, or HTTPS when given a certificate. @throws HoldfastError `api-port`, `tls-material` */
export async function listen(options: ListenOptions, listener: RequestListener): Promise<Listening> {
  const server = serverFor(options, listener);
  const connections = watchConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `cannot listen on ${options.host}:${options.port}: ${cause.message}`;
      const remedy =
        'Set HOLDFAST_API_PORT to a free port and HOLDFAST_API_HOST to an address of this machine.';
      reject(new HoldfastError('api-port', 'configuration', message, { remedy, cause }));
    });
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    port,
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.endIdle();
      const limit = setTimeout(() => server.closeAllConnections(), stopLimitMs);
      await closed;
      clearTimeout(limit);
    },
  };
}

/**
 * Knows which connections have no request in hand. The server's own list counts one that has sent nothing yet as
 * busy, and leaves one whose last answer is sent later open for its keep-alive time.
 */
function watchConnections(server: Server) {
  const requests = new Map<Socket, number>();
  let ending = false;
  const count = (socket: Socket, change: number) => {
    const now = (requests.get(socket) ?? 0) + change;
    if (!socket.destroyed) requests.set(socket, now);
    if (ending && now === 0) socket.destroySoon();
  };
  // Below a TLS connection lies a plain one that never has a request of its own.
  const opened = server instanceof HttpsServer ? 'secureConnection' : 'connection';
  server.on(opened, (socket: Socket) => {
    requests.set(socket, 0);
    socket.once('close', () => requests.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    count(socket, 1);
    response.once('close', () => count(socket, -1));
  });
  return {
    endIdle() {
      ending = true;
      for (const [socket, busy] of requests) if (busy === 0) socket.destroySoon();
    },
  };
}
