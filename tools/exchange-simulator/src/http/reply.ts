import type { ServerResponse } from 'node:http';
import { jsonBytes } from './jsonText.ts';

/** An answer before it is sent. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly bytes?: Buffer;
  readonly stream?: { readonly length: number; readonly chunks: () => Iterable<Buffer> };
  /** Elements sent as newline-delimited JSON, as they come. */
  readonly lines?: AsyncIterable<unknown>;
  /** Cut the connection after about half of the body. */
  readonly reset?: boolean;
}

/** Chunks are handed to the socket in runs of about this size. */
const CORK_BYTES = 256 * 1024;

/** Sends a reply; resolves with the number of body bytes when the client has them (or has gone). */
export async function send(
  response: ServerResponse,
  reply: Reply,
  common: Readonly<Record<string, string>> = {},
): Promise<number> {
  const headers: Record<string, string | number> = { ...common, ...reply.headers };
  if (reply.lines) return sendLines(response, reply, reply.lines, headers);
  if (reply.stream) return sendStream(response, reply, reply.stream, headers);
  let body = reply.bytes;
  if (reply.json !== undefined) {
    body = jsonBytes(reply.json);
    headers['content-type'] ??= 'application/json; odata.metadata=minimal; charset=utf-8';
  }
  if (reply.status !== 204) headers['content-length'] = body?.length ?? 0;
  response.writeHead(reply.status, headers);
  if (reply.reset) return cut(response, body ?? Buffer.alloc(0));
  response.end(body);
  return body?.length ?? 0;
}

async function cut(response: ServerResponse, body: Buffer): Promise<number> {
  const half = body.subarray(0, body.length >> 1);
  await new Promise<void>((resolve) => response.write(half.length > 0 ? half : ' ', () => resolve()));
  response.socket?.destroy();
  return half.length;
}

async function sendStream(
  response: ServerResponse,
  reply: Reply,
  stream: { length: number; chunks: () => Iterable<Buffer> },
  headers: Record<string, string | number>,
): Promise<number> {
  headers['content-length'] = stream.length;
  response.writeHead(reply.status, headers);
  let sent = 0;
  let corked = 0;
  response.cork();
  for (const chunk of stream.chunks()) {
    if (response.destroyed) return sent;
    corked += chunk.length;
    if (corked > CORK_BYTES) {
      response.uncork();
      if (response.writableNeedDrain) await drained(response);
      response.cork();
      corked = 0;
    }
    if (reply.reset && sent > stream.length / 2) {
      response.socket?.destroy();
      return sent;
    }
    sent += chunk.length;
    response.write(chunk);
  }
  response.uncork();
  response.end();
  return sent;
}

async function sendLines(
  response: ServerResponse,
  reply: Reply,
  lines: AsyncIterable<unknown>,
  headers: Record<string, string | number>,
): Promise<number> {
  response.writeHead(reply.status, headers);
  let sent = 0;
  for await (const line of lines) {
    if (response.destroyed) return sent;
    const chunk = Buffer.from(`${JSON.stringify(line)}\n`);
    sent += chunk.length;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
  return sent;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
