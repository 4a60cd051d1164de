import { randomUUID } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Reply, send } from './reply.ts';

/** A request with its body read. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Scheme and host as the client addressed them. */
  readonly origin: string;
  readonly requestId: string;
  readonly clientRequestId: string;
}

/** An answer, and what to do when it was sent. */
export interface WireAnswer {
  readonly reply: Reply;
  readonly sent?: (bytes: number) => void;
}

/** Answers a request; `tooLarge` when the body was larger than the limit (and was not read). */
export type Answerer = (request: WireRequest, tooLarge: boolean) => Promise<WireAnswer>;

/** A listening server. */
export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') return Buffer.alloc(0);
  if (Number(request.headers['content-length'] ?? 0) > limit) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  scheme: string,
  limit: (path: string) => number,
  answer: Answerer,
): Promise<void> {
  const url = request.url ?? '/';
  const question = url.indexOf('?');
  const requestId = randomUUID();
  const given = request.headers['client-request-id'];
  const clientRequestId = typeof given === 'string' && given !== '' ? given : requestId;
  const body = await readBody(request, limit(url));
  const wire: WireRequest = {
    method: request.method ?? 'GET',
    path: question < 0 ? url : url.slice(0, question),
    search: question < 0 ? '' : url.slice(question + 1),
    headers: request.headers,
    body: body ?? Buffer.alloc(0),
    origin: `${scheme}://${request.headers.host ?? 'localhost'}`,
    requestId,
    clientRequestId,
  };
  const { reply, sent } = await answer(wire, body === undefined);
  const headers: Record<string, string> = { 'request-id': requestId, 'client-request-id': clientRequestId };
  if (body === undefined) headers.connection = 'close';
  let bytes = 0;
  try {
    bytes = await send(response, reply, headers);
  } finally {
    sent?.(bytes);
  }
}

/** Starts to listen. Plain HTTP without a certificate. `limit` is the largest body that is read, in bytes. */
export async function listen(options: {
  port: number;
  host: string;
  tls?: { key: string; cert: string };
  limit: (path: string) => number;
  answer: Answerer;
  onError: (error: unknown) => void;
}): Promise<Listener> {
  const scheme = options.tls ? 'https' : 'http';
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, scheme, options.limit, options.answer).catch((error: unknown) => {
      if (!request.destroyed || !response.writableEnded) options.onError(error);
      if (!response.headersSent) response.writeHead(500, { 'content-length': 0 });
      response.end();
    });
  };
  const server: Server = options.tls ? createHttpsServer(options.tls, handler) : createHttpServer(handler);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
