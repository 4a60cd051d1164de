import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type HttpTransport, undiciTransport } from './httpTransport.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
const signal = new AbortController().signal;

async function serve(
  listener: RequestListener,
  settings = {},
): Promise<{ url: URL; transport: HttpTransport }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const transport = undiciTransport(settings);
  open.push(async () => {
    await transport.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a?b=c%20d`), transport };
}

describe('the pool of connections', () => {
  test('moves method, path, headers and body, and gives status, headers and body back', async () => {
    const { url, transport } = await serve((request, response) => {
      request.on('data', (data: Buffer) => {
        response.writeHead(201, { 'x-seen': `${request.method} ${request.url} ${request.headers.prefer}` });
        response.end(data.toString().toUpperCase());
      });
    });
    const answer = await transport.request({
      method: 'POST',
      url,
      headers: { prefer: 'p' },
      body: 'hello',
      signal,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['x-seen']).toBe('POST /a?b=c%20d p');
    expect(Buffer.from(await answer.body.bytes()).toString()).toBe('HELLO');
  });

  test('a body cut off by the server is an error and no short body', async () => {
    const { url, transport } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('only this', () => response.destroy());
    });
    const answer = await transport.request({ method: 'GET', url, headers: {}, signal });
    await expect(answer.body.bytes()).rejects.toHaveProperty('code');
  });

  test('a service that is silent is given up after its time limit', async () => {
    const { url, transport } = await serve(() => undefined, { headersTimeoutMs: 200 });
    await expect(transport.request({ method: 'GET', url, headers: {}, signal })).rejects.toMatchObject({
      code: 'UND_ERR_HEADERS_TIMEOUT',
    });
  });

  test('a stop ends a request under way', async () => {
    const stop = new AbortController();
    const { url, transport } = await serve(() => stop.abort(new Error('stopped')));
    await expect(
      transport.request({ method: 'GET', url, headers: {}, signal: stop.signal }),
    ).rejects.toBeDefined();
  });

  test('a stop before the request is sent is thrown as it was told', async () => {
    const { url, transport } = await serve((_, response) => response.end('x'));
    const gone = AbortSignal.abort(new Error('stopped before'));
    await expect(transport.request({ method: 'GET', url, headers: {}, signal: gone })).rejects.toThrow(
      'stopped before',
    );
  });

  const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 251));
  const whole = (response: ServerResponse) => {
    response.setHeader('content-length', content.length);
    response.end(content);
  };
  const inPieces = (response: ServerResponse) => {
    for (let at = 0; at < content.length; at += 100_000) response.write(content.subarray(at, at + 100_000));
    response.end();
  };

  test.each([
    ['of an announced length', whole],
    ['in pieces', inPieces],
  ])('a body %s is the same however it is read, also by a reader that is late', async (_name, send) => {
    const { url, transport } = await serve((_, response) => send(response));
    const get = async () => (await transport.request({ method: 'GET', url, headers: {}, signal })).body;
    expect(content.equals(await (await get()).bytes())).toBe(true);
    const memory = new Uint8Array(content.length);
    expect(await (await get()).into(memory)).toBe(content.length);
    expect(content.equals(memory)).toBe(true);
    const late = await get();
    // Others on the same line come and go meanwhile.
    for (let others = 0; others < 3; others++) await (await get()).dump();
    expect(await late.into(memory.fill(0))).toBe(content.length);
    expect(content.equals(memory)).toBe(true);
    const pieces: Uint8Array[] = [];
    for await (const piece of await get()) {
      pieces.push(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(content.equals(Buffer.concat(pieces))).toBe(true);
    expect(await (await get()).into(new Uint8Array(10))).toBe(content.length);
  });

  test('a body that is left in the middle costs its connection only', async () => {
    const { url, transport } = await serve((_, response) => whole(response), { connections: 1 });
    for (let times = 0; times < 2; times++) {
      const { body } = await transport.request({ method: 'GET', url, headers: {}, signal });
      for await (const piece of body) {
        expect(piece.byteLength).toBeGreaterThan(0);
        break;
      }
    }
    const { body } = await transport.request({ method: 'GET', url, headers: {}, signal });
    expect(content.equals(await body.bytes())).toBe(true);
  });
});
