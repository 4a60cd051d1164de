import { HoldfastError } from '@holdfast/contracts';
import type { Refusal } from './classifyAnswer.ts';

/** The connection was not made, so the request was not carried out. */
const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

const certificateProblem = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;

export const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return '';
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : codeOf(cause);
};

/** Classifies an error of the connection itself (no answer, or one that broke off). */
export function classifyFailure(
  error: unknown,
  request: { host: string; what: string; clientRequestId: string },
): Refusal {
  const code = codeOf(error);
  const { host, what, clientRequestId } = request;
  const details = { networkCode: code, clientRequestId, doing: what, host };
  if (certificateProblem.test(code)) {
    return {
      error: new HoldfastError(
        'certificate-not-trusted',
        'configuration',
        `The TLS certificate of ${host} is not trusted (${code}).`,
        {
          remedy:
            'Check the machine’s clock and whether a proxy intercepts TLS; trust its authority by NODE_EXTRA_CA_CERTS.',
          details,
          cause: error,
        },
      ),
      reaction: 'give-up',
      retryAfterMs: undefined,
      outage: false,
      outcomeUnknown: false,
    };
  }
  const unsent = neverSent.has(code);
  const timedOut = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
  const problem = timedOut
    ? 'did not answer in time'
    : unsent
      ? 'cannot be reached'
      : 'broke the connection off';
  return {
    error: new HoldfastError(
      unsent ? 'service-unreachable' : timedOut ? 'service-timeout' : 'connection-lost',
      'transient',
      `${host} ${problem} while ${what}${code === '' ? '' : ` (${code})`}, request ${clientRequestId}.`,
      {
        remedy: 'Check network, proxy and name resolution; it is tried again by itself.',
        details,
        cause: error,
      },
    ),
    reaction: 'repeat',
    retryAfterMs: undefined,
    outage: true,
    outcomeUnknown: !unsent,
  };
}
