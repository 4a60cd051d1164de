import { HoldfastError } from '@holdfast/contracts';
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { BrokerRefused, BrokerUnavailable, MessagingClosed } from './errors.ts';

/** API error codes of nats-server that a person must act on. */
const refusals: Readonly<Record<number, string>> = {
  10002: 'this account may not use so many resources',
  10023: 'the storage or memory limit of JetStream is reached',
  10026: 'this account may have no more consumers',
  10027: 'this account may have no more streams',
  10039: 'JetStream is not enabled for this account',
  10047: 'the storage limit of JetStream is reached',
  10052: 'the stream is configured in a way that cannot be changed',
  10065: 'another stream already takes these subjects',
  10074: 'copies need a cluster of brokers',
  10076: 'JetStream is not enabled',
  10077: 'JetStream has not enough storage',
  10099: 'another consumer takes the same tasks',
  10100: 'another consumer takes the same tasks',
};

/** The stream, consumer or bucket is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.status === 404;

/** No stream took what was published: JetStream is down, or the stream is gone. */
export const isUnheard = (error: unknown): boolean =>
  // The client library does not export this class.
  (error instanceof Error && error.name === 'JetStreamNotEnabled') ||
  error instanceof errors.NoRespondersError ||
  (error instanceof errors.RequestError && error.isNoResponders());

export const isTimeout = (error: unknown): boolean => error instanceof errors.TimeoutError;

/** Turns what the client library throws into the errors of this package; `what` was being tried. */
export function brokerError(error: unknown, what: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError) {
    return new MessagingClosed();
  }
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return new BrokerRefused(`${what}: the broker refuses these credentials`, {
      remedy: 'Check the user or the credentials file of this service and its account in nats-server.',
      cause: error,
    });
  }
  if (error instanceof errors.PermissionViolationError) {
    return new BrokerRefused(`${what}: this service may not ${error.operation} ${error.subject}`, {
      remedy: 'Give the account of this service the permissions listed in docs/operations.md.',
      cause: error,
    });
  }
  if (error instanceof JetStreamApiError) {
    const refusal = refusals[error.code];
    if (refusal !== undefined) return new BrokerRefused(`${what}: ${refusal} (${message})`, { cause: error });
    return new BrokerUnavailable(`${what}: ${message}`, { details: { code: error.code }, cause: error });
  }
  if (isUnheard(error)) return new BrokerUnavailable(`${what}: JetStream does not answer`, { cause: error });
  return new BrokerUnavailable(`${what}: ${message}`, { cause: error });
}
