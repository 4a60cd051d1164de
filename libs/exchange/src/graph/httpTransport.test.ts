import { createServer, type RequestListener } from 'node:http';
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
});
