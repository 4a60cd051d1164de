import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedHook {
  headers: IncomingHttpHeaders;
  body: string;
  /** The event's id. */
  id: string;
  name: string;
}

export interface HookReceiver {
  url: string;
  received: ReceivedHook[];
  /** Decides the answer; 204 when absent. It may leave the request without one. */
  answer: (hook: ReceivedHook, response: ServerResponse) => void;
  stop(): Promise<void>;
}

/** A real HTTP server on 127.0.0.1 that takes deliveries. */
export async function startHookReceiver(): Promise<HookReceiver> {
  const receiver: Omit<HookReceiver, 'url' | 'stop'> = {
    received: [],
    answer: (_hook, response) => response.writeHead(204).end(),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const event = body === '' ? { id: '', name: '' } : JSON.parse(body);
      const hook = { headers: request.headers, body, id: event.id, name: event.name };
      receiver.received.push(hook);
      receiver.answer(hook, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}
