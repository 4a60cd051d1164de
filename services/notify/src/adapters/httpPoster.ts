import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { targetRefusal, type WebhookSettings, webhookUrlRefusal } from '@holdfast/contracts';
import type { Poster, PostResult } from '../ports.ts';

export interface HttpPosterOptions {
  /** PEM certificates of all authorities to trust; the system's when absent. */
  authorities?: string | undefined;
  /** Everything, from looking up the name to the answer, must be over within this time; ms. */
  limitMs: number;
  /** Milliseconds, for measuring only. */
  now: () => number;
  lookup?: typeof systemLookup;
}

const keptAnswerBytes = 1_024;

class TargetRefused extends Error {}

/** Sends deliveries by node's own client: one connection each, no redirects, no proxy from the environment. */
export function createHttpPoster(options: HttpPosterOptions): Poster {
  return {
    async post(request, settings) {
      const startedMs = options.now();
      const took = () => Math.round(options.now() - startedMs);
      const refusal = webhookUrlRefusal(request.url, settings);
      if (refusal !== undefined) return { kind: 'failed', error: refusal, tookMs: took() };
      try {
        const response = await exchange(request, settings, options);
        return { kind: 'answered', ...response, tookMs: took() };
      } catch (error) {
        return { kind: 'failed', error: explain(error, request.url, options.limitMs), tookMs: took() };
      }
    },
  };
}

type Answer = Omit<Extract<PostResult, { kind: 'answered' }>, 'kind' | 'tookMs'>;

function exchange(
  { url, headers, body }: Parameters<Poster['post']>[0],
  settings: WebhookSettings | undefined,
  options: HttpPosterOptions,
): Promise<Answer> {
  const target = new URL(url);
  const isSecure = target.protocol === 'https:';
  const bytes = Buffer.from(body, 'utf8');
  const { authorities } = options;
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(target, {
      method: 'POST',
      headers: { ...headers, 'content-length': bytes.length, connection: 'close' },
      agent: false,
      lookup: guardedLookup(target.protocol, settings, options.lookup ?? systemLookup),
      signal: AbortSignal.timeout(options.limitMs),
      ...(isSecure
        ? { minVersion: 'TLSv1.2', ...(authorities === undefined ? {} : { ca: authorities }) }
        : {}),
    });
    request.once('error', reject);
    request.once('response', (response) => {
      readBeginning(response).then((answer) => {
        response.destroy();
        resolve({
          status: response.statusCode ?? 0,
          answer,
          retryAfterMs: pauseAskedFor(response.headers['retry-after']),
        });
      }, reject);
    });
    request.end(bytes);
  });
}

/** The first bytes of an answer. The status has come: however the body ends, the receiver has answered. */
async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= keptAnswerBytes) break;
    }
  } catch {
    // Broken off in the body; what came is kept.
  }
  return Buffer.concat(chunks).subarray(0, keptAnswerBytes).toString('utf8').replaceAll('\u0000', '');
}

/** Only seconds: a date would need the receiver's clock to be right. */
function pauseAskedFor(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}

/**
 * Looks a name up and lets through only addresses that a webhook may go to. The connection is made to what this gives,
 * so a name that changes its meaning between a check and the use gains nothing.
 */
function guardedLookup(
  protocol: string,
  settings: WebhookSettings | undefined,
  lookup: typeof systemLookup,
): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, []);
      const addresses = found as unknown as LookupAddress[];
      const refusals = addresses.map(({ address }) => targetRefusal(address, protocol, settings));
      const allowed = addresses.filter((_one, at) => refusals[at] === undefined);
      const [first] = allowed;
      if (first === undefined) {
        const why = refusals.find((one) => one !== undefined) ?? 'it has no address';
        return done(new TargetRefused(`${hostname} may not be used: ${why}`), []);
      }
      if (options.all === true) return done(null, allowed);
      return done(null, first.address, first.family);
    });
  };
}

const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection: nobody listens there',
  ECONNRESET: 'ended the connection without an answer',
  EPIPE: 'ended the connection without an answer',
  ENOTFOUND: 'is a name that nobody knows',
  EAI_AGAIN: 'could not be looked up: the name service does not answer',
  ETIMEDOUT: 'did not answer in time',
  EHOSTUNREACH: 'cannot be reached from here',
  ENETUNREACH: 'cannot be reached from here',
  CERT_HAS_EXPIRED: 'has a certificate that has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has a certificate that nobody here trusts (HOLDFAST_WEBHOOK_CA_FILE)',
  SELF_SIGNED_CERT_IN_CHAIN: 'has a certificate that nobody here trusts (HOLDFAST_WEBHOOK_CA_FILE)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'has a certificate that nobody here trusts (HOLDFAST_WEBHOOK_CA_FILE)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name',
};

function explain(error: unknown, url: string, limitMs: number): string {
  const { host } = new URL(url);
  const { name, message, code } = error as NodeJS.ErrnoException;
  if (error instanceof TargetRefused) return message;
  if (name === 'TimeoutError' || name === 'AbortError') return `${host} gave no answer within ${limitMs} ms`;
  const meaning = code === undefined ? undefined : meanings[code];
  return meaning === undefined ? `${host}: ${message || code}` : `${host} ${meaning}`;
}
