import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Application, Tenant } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import { AssertionRefused, checkClientAssertion } from './clientAssertion.ts';
import type { TokenIssuer } from './tokens.ts';

export interface EntraState {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly issuer: TokenIssuer;
  readonly clock: Clock;
  tokenLifetimeSeconds: number;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

class TokenRefused extends Error {
  readonly status: number;
  readonly error: string;
  readonly number: number;

  constructor(status: number, error: string, number: number, message: string) {
    super(message);
    this.status = status;
    this.error = error;
    this.number = number;
  }
}

function errorReply(refused: TokenRefused, now: number): Reply {
  const trace = randomUUID();
  const time = new Date(now).toISOString().slice(0, 19).replace('T', ' ');
  return {
    status: refused.status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    json: {
      error: refused.error,
      error_description: `AADSTS${refused.number}: ${refused.message} Trace ID: ${trace} Correlation ID: ${trace} Timestamp: ${time}Z`,
      error_codes: [refused.number],
      timestamp: `${time}Z`,
      trace_id: trace,
      correlation_id: trace,
      error_uri: `https://login.microsoftonline.com/error?code=${refused.number}`,
    },
  };
}

function tenantOf(state: EntraState, name: string): Tenant {
  const wanted = name.toLowerCase();
  const tenant =
    state.tenants.get(wanted) ?? [...state.tenants.values()].find((one) => one.domain === wanted);
  if (!tenant) {
    throw new TokenRefused(
      400,
      'invalid_request',
      90002,
      `Tenant '${name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
    );
  }
  return tenant;
}

function checkSecret(application: Application, secret: string, now: number): void {
  const found = application.secrets.find((one) => one.value === secret);
  if (!found) {
    throw new TokenRefused(
      401,
      'invalid_client',
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${application.clientId}'.`,
    );
  }
  if (found.expiresAt !== undefined && Date.parse(found.expiresAt) <= now) {
    throw new TokenRefused(
      401,
      'invalid_client',
      7000222,
      `The provided client secret keys for app '${application.clientId}' are expired.`,
    );
  }
}

async function checkClient(
  application: Application,
  form: URLSearchParams,
  audiences: readonly string[],
  now: number,
): Promise<void> {
  const secret = form.get('client_secret');
  const assertion = form.get('client_assertion');
  if (secret !== null) return checkSecret(application, secret, now);
  if (assertion === null || form.get('client_assertion_type') !== ASSERTION_TYPE) {
    throw new TokenRefused(
      401,
      'invalid_client',
      7000218,
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    );
  }
  try {
    await checkClientAssertion(assertion, {
      clientId: application.clientId,
      audiences,
      certificates: application.certificates,
      now,
    });
  } catch (error) {
    if (error instanceof AssertionRefused)
      throw new TokenRefused(401, 'invalid_client', 700027, error.message);
    throw error;
  }
}

/** The application that asks. Throws TokenRefused when the tenant does not know it. */
function applicationOf(tenant: Tenant, form: URLSearchParams): Application {
  const clientId = form.get('client_id')?.toLowerCase();
  if (!clientId)
    throw new TokenRefused(
      400,
      'invalid_request',
      900144,
      "The request body must contain the following parameter: 'client_id'.",
    );
  const application = tenant.applications.get(clientId);
  if (!application) {
    throw new TokenRefused(
      400,
      'unauthorized_client',
      700016,
      `Application with identifier '${clientId}' was not found in the directory '${tenant.domain}'.`,
    );
  }
  return application;
}

async function token(
  state: EntraState,
  origin: string,
  tenantName: string,
  form: URLSearchParams,
): Promise<Reply> {
  const now = state.clock.now();
  const tenant = tenantOf(state, tenantName);
  if (form.get('grant_type') !== 'client_credentials') {
    throw new TokenRefused(
      400,
      'unsupported_grant_type',
      70003,
      `The app requested an unsupported grant type '${form.get('grant_type')}'.`,
    );
  }
  const application = applicationOf(tenant, form);
  const audiences = [
    `${origin}/${tenantName}/oauth2/v2.0/token`,
    `${origin}/${tenantName}/v2.0`,
    `${origin}/${tenant.tenantId}/oauth2/v2.0/token`,
  ];
  await checkClient(application, form, audiences, now);
  const scope = form.get('scope') ?? '';
  if (!/^\S+\/\.default$/.test(scope)) {
    throw new TokenRefused(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
    );
  }
  const access = await state.issuer.issue(
    {
      tenantId: tenant.tenantId,
      clientId: application.clientId,
      roles: application.roles,
      audience: scope.slice(0, -'/.default'.length).replace(/\/+$/, ''),
      issuer: `${origin}/${tenant.tenantId}/`,
    },
    now,
    state.tokenLifetimeSeconds,
  );
  const lifetime = state.tokenLifetimeSeconds - 1;
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    json: { token_type: 'Bearer', expires_in: lifetime, ext_expires_in: lifetime, access_token: access },
  };
}

function configuration(origin: string, tenant: Tenant): Reply {
  const base = `${origin}/${tenant.tenantId}`;
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    json: {
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      response_types_supported: ['code', 'token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
    },
  };
}

/** Answers a request to the sign-in service, or undefined when the path is none of its own. */
export async function entra(
  state: EntraState,
  request: { method: string; path: string; origin: string; body: Buffer; query: string },
): Promise<Reply | undefined> {
  const { method, path, origin } = request;
  try {
    if (path === '/common/discovery/instance') {
      const host = new URL(origin).host;
      return {
        status: 200,
        json: {
          tenant_discovery_endpoint: `${origin}/common/v2.0/.well-known/openid-configuration`,
          'api-version': '1.1',
          metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
        },
      };
    }
    const [, name, rest] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (name === undefined || rest === undefined) return undefined;
    if (rest === 'v2.0/.well-known/openid-configuration' && method === 'GET')
      return configuration(origin, tenantOf(state, decodeURIComponent(name)));
    if (rest === 'discovery/v2.0/keys' && method === 'GET')
      return { status: 200, json: await state.issuer.jwks() };
    if (rest === 'oauth2/v2.0/token' && method === 'POST')
      return await token(
        state,
        origin,
        decodeURIComponent(name),
        new URLSearchParams(request.body.toString()),
      );
    return undefined;
  } catch (error) {
    if (error instanceof TokenRefused) return errorReply(error, state.clock.now());
    throw error;
  }
}
