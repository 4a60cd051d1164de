import { jest } from '@jest/globals';
import { DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TENANT, type SimulatorOptions } from '../options.ts';
import { type Simulator, startSimulator } from '../simulator.ts';

// Servers and processes start here while other tests keep the machine busy: the limit is for hangs only.
jest.setTimeout(60_000);

/** An answer as tests look at it. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any;
  readonly bytes: Buffer;
}

/** A simulator and a client that is signed in to it over plain HTTP. */
export interface Session {
  readonly simulator: Simulator;
  readonly control: Simulator['control'];
  /** Ids of the generated users. */
  readonly users: readonly string[];
  readonly token: string;
  /** Calls Graph; a path begins behind the version, a link is used as it is. */
  call(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<Answered>;
  get(path: string, headers?: Record<string, string>): Promise<Answered>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answered>;
  signIn(form?: Record<string, string>): Promise<Answered>;
  close(): Promise<void>;
}

export const IMMUTABLE = { prefer: 'IdType="ImmutableId"' };

/** Starts a simulator for a test: one tenant, small messages, plain HTTP, no limits of time. */
export async function openSession(
  options: SimulatorOptions & {
    mailboxes?: number;
    messages?: number;
    profile?: 'standard' | 'small';
    roles?: readonly string[];
    fewFolders?: boolean;
  } = {},
): Promise<Session> {
  const { mailboxes = 2, messages = 60, profile = 'small', roles, fewFolders = false, ...rest } = options;
  const simulator = await startSimulator({
    httpPort: 0,
    tenants: [
      {
        tenantId: DEFAULT_TENANT,
        applications: [
          {
            clientId: DEFAULT_CLIENT,
            secrets: [{ value: DEFAULT_SECRET }, { value: 'old-secret', expiresAt: '2020-01-01T00:00:00Z' }],
            ...(roles ? { roles } : {}),
          },
        ],
        fill: { mailboxes, messagesPerMailbox: messages, profile, fewFolders },
      },
    ],
    ...rest,
  });
  const root = `${simulator.httpUrl}/v1.0`;
  const signIn = async (form: Record<string, string> = {}) => {
    const body = new URLSearchParams({
      client_id: DEFAULT_CLIENT,
      client_secret: DEFAULT_SECRET,
      scope: 'https://graph.microsoft.com/.default',
      grant_type: 'client_credentials',
      ...form,
    });
    return answered(
      await fetch(`${simulator.httpUrl}/${DEFAULT_TENANT}/oauth2/v2.0/token`, { method: 'POST', body }),
    );
  };
  const { json } = await signIn();
  const token = String(json.access_token);
  const call: Session['call'] = async (method, path, { body, headers = {} } = {}) => {
    const isText = typeof body === 'string';
    const type =
      body === undefined || headers['content-type']
        ? {}
        : { 'content-type': isText ? 'text/plain' : 'application/json' };
    const init = {
      method,
      headers: { authorization: `Bearer ${token}`, ...type, ...headers },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    };
    return answered(await fetch(path.startsWith('http') ? path : root + path, init));
  };
  const users = await simulator.control.users();
  return {
    simulator,
    control: simulator.control,
    users: users.map((user) => user.id),
    token,
    call,
    signIn,
    get: (path, headers) => call('GET', path, headers ? { headers } : {}),
    post: (path, body, headers) => call('POST', path, { body, ...(headers ? { headers } : {}) }),
    close: () => simulator.close(),
  };
}

async function answered(response: Response): Promise<Answered> {
  const bytes = Buffer.from(await response.arrayBuffer());
  let json: unknown;
  if (/json/.test(response.headers.get('content-type') ?? '') && bytes.length > 0)
    json = JSON.parse(bytes.toString());
  return { status: response.status, headers: response.headers, json, bytes };
}

/** Follows a delta walk to its end. */
export async function walkDelta(
  session: Session,
  start: string,
  headers: Record<string, string> = IMMUTABLE,
): Promise<{ pages: Answered[]; values: Record<string, unknown>[]; deltaLink: string }> {
  const pages: Answered[] = [];
  const values: Record<string, unknown>[] = [];
  for (let path = start; ; ) {
    const page = await session.get(path, headers);
    if (page.status !== 200) throw new Error(`delta answered ${page.status} ${page.bytes}`);
    pages.push(page);
    values.push(...page.json.value);
    if (page.json['@odata.deltaLink']) return { pages, values, deltaLink: page.json['@odata.deltaLink'] };
    path = page.json['@odata.nextLink'];
  }
}
