import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  ClientConfigurationError,
  ConfidentialClientApplication,
  type Configuration,
  type INetworkModule,
  LogLevel,
  type NetworkRequestOptions,
  type NetworkResponse,
} from '@azure/msal-node';
import { HoldfastError } from '@holdfast/contracts';
import type { Cloud } from '../clouds.ts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import type { ExchangeClock } from '../ports.ts';
import { classifyFailure } from './classifyFailure.ts';
import { type HttpTransport, headerOf } from './httpTransport.ts';
import { parseJsonText } from './jsonText.ts';
import { tokenError } from './tokenErrors.ts';

export type ConnectorCredential =
  | { kind: 'secret'; secret: string }
  | { kind: 'certificate'; certificatePem: string; privateKeyPem: string };

/** Access tokens of the application, cached until shortly before they end. */
export interface TokenSource {
  token(): Promise<string>;
  /** A fresh token in place of a refused one; parallel calls share one request. */
  renew(refused: string): Promise<string>;
}

/** Asked for anew this long before the end, so that no request carries a token that ends on the way. */
const renewBeforeMs = 5 * 60_000;

const badCertificate = (code: string, message: string, remedy: string, cause?: unknown): HoldfastError =>
  new HoldfastError(code, 'configuration', message, { remedy, cause });

/** The certificate as msal wants it. @throws HoldfastError when it cannot work, before anybody is asked */
function certificateOf(credential: { certificatePem: string; privateKeyPem: string }, nowMs: number) {
  let certificate: X509Certificate;
  let matches: boolean;
  try {
    certificate = new X509Certificate(credential.certificatePem);
    matches = certificate.checkPrivateKey(createPrivateKey(credential.privateKeyPem));
  } catch (error) {
    const remedy = 'Give certificate and private key as PEM text; the key must not have a passphrase.';
    throw badCertificate(
      'certificate-unreadable',
      'The certificate or its key cannot be read.',
      remedy,
      error,
    );
  }
  if (!matches) {
    throw badCertificate(
      'certificate-key-mismatch',
      'The private key does not belong to the certificate.',
      'Give the key that the certificate was made with.',
    );
  }
  if (certificate.validToDate.getTime() < nowMs) {
    throw badCertificate(
      'certificate-expired',
      `The certificate has expired on ${certificate.validToDate.toISOString().slice(0, 10)}.`,
      'Make a new certificate, upload it to the application in Microsoft Entra and enter it here.',
    );
  }
  return {
    thumbprintSha256: certificate.fingerprint256.replaceAll(':', ''),
    privateKey: credential.privateKeyPem,
    x5c: credential.certificatePem,
  };
}

/** What went wrong below msal, which wraps or drops it. */
interface SignInProblem {
  failure?: HoldfastError;
  description?: string;
  status?: number;
}

/** msal's requests over our own transport: its time limits, its trust, and the answer's own words on failure. */
class EntraNetwork implements INetworkModule {
  problem: SignInProblem = {};
  private readonly transport: HttpTransport;

  constructor(transport: HttpTransport) {
    this.transport = transport;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.send('GET', url, options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.send('POST', url, options);
  }

  private async send<T>(
    method: 'GET' | 'POST',
    address: string,
    options: NetworkRequestOptions = {},
  ): Promise<NetworkResponse<T>> {
    const url = new URL(address);
    try {
      const answer = await this.transport.request({
        method,
        url,
        headers: { ...options.headers },
        signal: AbortSignal.timeout(60_000),
        ...(options.body === undefined ? {} : { body: options.body }),
      });
      const text = Buffer.from(await answer.body.bytes()).toString('utf8');
      const body = parseJsonText(text === '' ? '{}' : text);
      if (answer.status >= 400) {
        const description = textOf(objectOf(body).error_description) || textOf(objectOf(body).error);
        this.problem = { description, status: answer.status };
      }
      const headers: Record<string, string> = {};
      for (const name of Object.keys(answer.headers)) headers[name] = headerOf(answer, name) ?? '';
      return { headers, body: body as T, status: answer.status };
    } catch (error) {
      const what = 'signing in to Microsoft Entra';
      this.problem = {
        failure: classifyFailure(error, { host: url.host, what, clientRequestId: 'none' }).error,
      };
      throw error;
    }
  }
}

function signInError(error: unknown, problem: SignInProblem, host: string): HoldfastError {
  if (problem.failure?.errorClass === 'configuration') return problem.failure;
  if (problem.failure !== undefined || (problem.status ?? 0) >= 500 || problem.status === 429) {
    return new HoldfastError(
      'sign-in-unreachable',
      'transient',
      `Microsoft Entra (${host}) cannot be reached${problem.status === undefined ? '' : ` (status ${problem.status})`}.`,
      {
        remedy: 'Check network, proxy and name resolution of this machine; it is tried again by itself.',
        cause: problem.failure ?? error,
      },
    );
  }
  if (problem.description !== undefined) return tokenError(problem.description, error);
  const own = error instanceof Error ? error.message : String(error);
  if (error instanceof ClientConfigurationError) return tokenError(own, error);
  // Nobody has refused anything: an answer that is no token may come from something on the way.
  return new HoldfastError(
    'sign-in-unclear',
    'transient',
    `Microsoft Entra (${host}) gave no token: ${own}.`,
    {
      remedy:
        'It is tried again by itself. If it stays so, look for a proxy or gateway that answers in its place.',
      cause: error,
    },
  );
}

export interface CredentialDeps {
  cloud: Cloud;
  tenantId: string;
  clientId: string;
  credential: ConnectorCredential;
  clock: ExchangeClock;
  transport: HttpTransport;
}

/**
 * Signs the application in by msal-node (client credentials flow). Every refusal becomes a `configuration` error
 * with its remedy; an Entra that cannot be reached, or that gives neither a token nor a reason, is `transient`.
 */
export function createTokenSource(deps: CredentialDeps): TokenSource {
  const { cloud, clock } = deps;
  const network = new EntraNetwork(deps.transport);
  let application: ConfidentialClientApplication | undefined;
  let cached: { token: string; renewAt: number } | undefined;
  let asking: Promise<string> | undefined;

  const createApplication = (): ConfidentialClientApplication => {
    const configuration: Configuration = {
      auth: {
        clientId: deps.clientId,
        authority: `${cloud.authority}/${deps.tenantId}`,
        knownAuthorities: [new URL(cloud.authority).host],
        ...(deps.credential.kind === 'secret'
          ? { clientSecret: deps.credential.secret }
          : { clientCertificate: certificateOf(deps.credential, clock.now()) }),
      },
      system: {
        networkClient: network,
        disableInternalRetries: true,
        loggerOptions: {
          loggerCallback: () => undefined,
          logLevel: LogLevel.Error,
          piiLoggingEnabled: false,
        },
      },
    };
    return new ConfidentialClientApplication(configuration);
  };

  const ask = async (): Promise<string> => {
    application ??= createApplication();
    network.problem = {};
    try {
      const result = await application.acquireTokenByClientCredential({
        scopes: [cloud.scope],
        // The cache is ours, so that it follows our clock and a refused token leaves it.
        skipCache: true,
      });
      // An answer without a token (a gateway's `{}`) comes out of msal as an empty one.
      if (result === null || result.accessToken === '') throw new Error('the answer holds no token');
      const endsAt = result.expiresOn?.getTime() ?? clock.now() + 60_000;
      cached = { token: result.accessToken, renewAt: Math.max(endsAt - renewBeforeMs, clock.now() + 10_000) };
      return result.accessToken;
    } catch (error) {
      // msal remembers a 429 or 5xx and answers from that memory for a minute; how long to wait is ours to decide.
      application = undefined;
      if (error instanceof HoldfastError) throw error;
      throw signInError(error, network.problem, new URL(cloud.authority).host);
    }
  };

  const shared = (): Promise<string> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    token() {
      if (cached !== undefined && clock.now() < cached.renewAt) return Promise.resolve(cached.token);
      return shared();
    },
    renew(refused) {
      if (cached !== undefined && cached.token !== refused) return Promise.resolve(cached.token);
      cached = undefined;
      return shared();
    },
  };
}
