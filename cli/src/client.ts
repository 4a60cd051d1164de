import { Agent, type Dispatcher, request } from 'undici';
import { ApiRefused, type ProblemBody, Unreachable, UsageError } from './errors.ts';
import { type ServerMessage, serverMessages } from './serverMessages.ts';

export interface ClientOptions {
  /** Where the API is, such as `http://127.0.0.1:8480`. */
  url: string;
  token: string | undefined;
  /** A certificate authority to trust besides the system's, PEM. */
  ca: string | undefined;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Page<T> {
  items: T[];
  next?: string;
}

export interface Download {
  body: AsyncIterable<Uint8Array>;
  size: number;
  sha256: string;
}

/** The REST API as the commands use it. Every method throws ApiRefused, or Unreachable. */
export interface Client {
  readonly url: string;
  get<T>(path: string, query?: Query): Promise<T>;
  /** With the ETag, for a change of what was read. */
  getTagged<T>(path: string): Promise<{ body: T; etag: string }>;
  send<T>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<T>;
  /** All entries of a list, page by page; ends the reading early when the caller does. */
  each<T>(path: string, query?: Query): AsyncGenerator<T>;
  /** At most `limit` entries of a list. */
  list<T>(path: string, limit: number, query?: Query): Promise<Page<T>>;
  download(path: string): Promise<Download>;
  follow(path: string, query: Query, lastEventId: string | undefined): AsyncGenerator<ServerMessage>;
  close(): Promise<void>;
}

const pageSize = 500;
const answerTimeoutMs = 330_000;

/** One step of a path; ids and names may have any characters. */
export const step = (text: string): string => encodeURIComponent(text);

function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, String(value)])))}`;
}

function baseOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(
      `"${url}" is no address`,
      'Use one such as http://127.0.0.1:8480 or https://backup.example.',
    );
  }
  return `${url.replace(/\/+$/, '')}/api/v1`;
}

async function readProblem(answer: Dispatcher.ResponseData): Promise<ProblemBody> {
  const text = await answer.body.text();
  const status = answer.statusCode;
  if (!String(answer.headers['content-type']).includes('json')) return { status, detail: text.slice(0, 200) };
  return { ...(JSON.parse(text) as ProblemBody), status };
}

export function createClient(options: ClientOptions): Client {
  const base = baseOf(options.url);
  const agent = new Agent({
    connect: { timeout: 5_000, ...(options.ca === undefined ? {} : { ca: options.ca }) },
    headersTimeout: answerTimeoutMs,
    // A stream of events may be silent for long; the server's heartbeats keep it from being cut.
    bodyTimeout: 60_000,
  });
  const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };

  async function call(
    method: Dispatcher.HttpMethod,
    path: string,
    more: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<Dispatcher.ResponseData> {
    let answer: Dispatcher.ResponseData;
    try {
      answer = await request(`${base}${path}`, {
        method,
        dispatcher: agent,
        headers: { ...authorization, ...more.headers },
        ...(more.body === undefined ? {} : { body: more.body }),
      });
    } catch (error) {
      throw new Unreachable(options.url, error);
    }
    if (answer.statusCode >= 400) throw new ApiRefused(await readProblem(answer));
    return answer;
  }

  async function json<T>(answer: Dispatcher.ResponseData): Promise<T> {
    const text = await answer.body.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  const get = async <T>(path: string, query?: Query): Promise<T> =>
    json<T>(await call('GET', withQuery(path, query)));

  return {
    url: options.url,
    get,
    async getTagged<T>(path: string) {
      const answer = await call('GET', path);
      return { body: await json<T>(answer), etag: String(answer.headers.etag ?? '') };
    },
    async send<T>(
      method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      path: string,
      body?: unknown,
      headers: Record<string, string> = {},
    ) {
      const content = body === undefined ? {} : { 'content-type': 'application/json' };
      return json<T>(
        await call(method, path, {
          headers: { ...content, ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
    },
    async *each<T>(path: string, query: Query = {}) {
      let after: string | undefined;
      do {
        const page: Page<T> = await get(path, { limit: pageSize, ...query, after });
        yield* page.items;
        after = page.next;
      } while (after !== undefined);
    },
    async list<T>(path: string, limit: number, query: Query = {}) {
      const items: T[] = [];
      let after: string | undefined;
      do {
        const page: Page<T> = await get(path, {
          ...query,
          limit: Math.min(1000, limit - items.length),
          after,
        });
        items.push(...page.items);
        after = page.next;
      } while (after !== undefined && items.length < limit);
      return after === undefined ? { items } : { items, next: after };
    },
    async download(path: string) {
      const { body, headers } = await call('GET', path);
      const etag = String(headers.etag ?? '').replaceAll('"', '');
      return { body, size: Number(headers['content-length']), sha256: etag };
    },
    async *follow(path: string, query: Query, lastEventId: string | undefined) {
      const headers = {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      };
      const { body } = await call('GET', withQuery(path, query), { headers });
      try {
        yield* serverMessages(body);
      } catch (error) {
        throw new Unreachable(options.url, error);
      }
    },
    close: () => agent.destroy(),
  };
}
