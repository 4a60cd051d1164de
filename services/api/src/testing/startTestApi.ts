import { randomBytes } from 'node:crypto';
import { collections } from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import { memoryMessaging } from '@holdfast/messaging/testing';
import { createMetrics, type Logger, silentLogger } from '@holdfast/runtime';
import { createSealer, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import { type FakeClock, fakeClock } from '@holdfast/testing';
import { type ApiDeps, startApi } from '../service.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

export interface CallOptions {
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
  /** The administrator's when absent; null for none. */
  token?: string | null;
}

export interface TestApi {
  url: string;
  token: string;
  store: Store;
  messaging: Messaging;
  clock: FakeClock;
  sealer: ReturnType<typeof createSealer>;
  printed: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  insert<K extends keyof typeof collections>(kind: K, ...docs: { id: string }[]): Promise<void>;
  stop(): Promise<void>;
}

export type TestApiOptions = Partial<ApiDeps> & { logger?: Logger };

/** An API on memory twins, over real HTTP, with its first token. */
export async function startTestApi(given: TestApiOptions = {}): Promise<TestApi> {
  const clock = fakeClock('2026-03-01T12:00:00.000Z');
  const store = given.store ?? memoryStore();
  const messaging = given.messaging ?? memoryMessaging();
  const sealer = createSealer({ keys: [{ id: 'k1', key: randomBytes(32) }] });
  const printed: string[] = [];
  const api = await startApi({
    store,
    messaging,
    sealing: sealer,
    clouds: [
      {
        name: 'global',
        title: 'Worldwide',
        authority: 'https://login.example',
        graphRoot: 'https://graph.example',
      },
    ],
    cloudRefusal: (name) => (name === 'global' ? undefined : `there is no cloud ${name}`),
    logger: silentLogger,
    metrics: createMetrics('api'),
    clock,
    listen: { host: '127.0.0.1', port: 0, tls: undefined },
    pool: 'default',
    version: '0.1.0',
    print: (text) => printed.push(text),
    ...given,
  }).catch(async (error: unknown) => {
    await messaging.close();
    throw error;
  });
  const token = /hf_[\w-]{43}/.exec(printed.join('\n'))?.[0] ?? '';
  return {
    url: api.url,
    token,
    store,
    messaging,
    clock,
    sealer,
    printed,
    async call(method, path, options = {}) {
      const content = options.body === undefined ? options.raw : JSON.stringify(options.body);
      const bearer = options.token === undefined ? token : options.token;
      const answer = await fetch(`${api.url}${path.startsWith('/api/') ? '' : '/api/v1'}${path}`, {
        method,
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(content === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
        ...(content === undefined ? {} : { body: content as string }),
      });
      const text = await answer.text();
      const isJson = String(answer.headers.get('content-type')).includes('json') && text !== '';
      return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
    },
    async insert(kind, ...docs) {
      // biome-ignore lint/suspicious/noExplicitAny: the store checks each document against its schema
      const collection = store.collection(collections[kind] as any);
      for (const doc of docs) await collection.insert(doc);
    },
    async stop() {
      await api.stop();
      await messaging.close();
      await store.close();
    },
  };
}
