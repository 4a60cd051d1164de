import { HoldfastError } from '@holdfast/contracts';
import { request } from 'undici';

/** A caller of the public REST API; nothing else is used by the demonstration. */
export interface ApiClient {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  bytes(path: string): Promise<Buffer>;
  /** Milliseconds that each call took, newest last; for the benchmark of responsiveness. */
  readonly base: string;
}

interface Problem {
  title?: string;
  detail?: string;
  remedy?: string;
  code?: string;
  problems?: { field: string; message: string }[];
}

function refusal(method: string, path: string, status: number, body: string): HoldfastError {
  let problem: Problem = { detail: body.slice(0, 300) };
  if (body.startsWith('{')) problem = JSON.parse(body) as Problem;
  const fields = (problem.problems ?? []).map((one) => `${one.field}: ${one.message}`).join('; ');
  const text = `${method} ${path} was answered ${status}: ${problem.detail ?? problem.title ?? ''} ${fields}`;
  return new HoldfastError(problem.code ?? `http-${status}`, 'configuration', text.trim(), {
    ...(problem.remedy === undefined ? {} : { remedy: problem.remedy }),
  });
}

/**
 * Makes a client of `<base>/api/v1`.
 *
 * Calls throw a HoldfastError with the problem's code, text and remedy for every answer outside 2xx.
 */
export function createApiClient(base: string, token: string): ApiClient {
  const call = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<Buffer> => {
    const answer = await request(`${base}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      bodyTimeout: 180_000,
      headersTimeout: 180_000,
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode >= 300) throw refusal(method, path, answer.statusCode, bytes.toString('utf8'));
    return bytes;
  };
  const json = async <T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<T> =>
    JSON.parse((await call(method, path, body)).toString('utf8')) as T;
  return {
    base,
    get: (path) => json('GET', path),
    post: (path, body) => json('POST', path, body ?? {}),
    put: (path, body) => json('PUT', path, body),
    bytes: (path) => call('GET', path),
  };
}
