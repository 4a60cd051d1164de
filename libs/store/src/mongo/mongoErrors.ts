import { HoldfastError } from '@holdfast/contracts';
import { MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { StoreFailed, StoreFull, StoreUnavailable, StoreUnreachable } from '../errors.ts';

const duplicateKey = 11000;
const namespaceNotFound = 26;
const outOfDiskSpace = 14031;
/** Unauthorized, AuthenticationFailed. */
const refusedCodes = new Set([13, 18]);
/**
 * HostUnreachable, HostNotFound, MaxTimeMSExpired, WriteConcernFailed, NetworkTimeout, ShutdownInProgress,
 * UnsatisfiableWriteConcern, PrimarySteppedDown, ExceededTimeLimit, SocketException, NotWritablePrimary,
 * InterruptedAtShutdown, Interrupted…, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
 * (github.com/mongodb/mongo, src/mongo/base/error_codes.yml).
 */
const passingCodes = new Set([
  6, 7, 50, 64, 89, 91, 100, 189, 262, 9001, 10107, 11600, 11601, 11602, 13435, 13436,
]);

/** A unique index refused a write. FerretDB on SQLite says so for an update only in the text of SQLite's error. */
export const isDuplicate = (error: unknown): error is MongoServerError =>
  error instanceof MongoServerError &&
  (error.code === duplicateKey || error.message.includes('UNIQUE constraint failed'));

export const isMissingCollection = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === namespaceNotFound;

function passes(error: MongoError): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (error.hasErrorLabel('RetryableWriteError') || error.hasErrorLabel('RetryableError')) return true;
  return error instanceof MongoServerError && passingCodes.has(Number(error.code));
}

/**
 * What an error of the driver means to a caller; errors that are ours already pass. Messages name the place, which
 * has no password in it, and never the driver's text, which may.
 */
export function mongoFailure(place: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (!(error instanceof MongoError)) return new StoreFailed(`a call on ${place} failed`, error);
  if (error instanceof MongoServerError && error.code === outOfDiskSpace) return new StoreFull(place, error);
  if (error instanceof MongoServerError && refusedCodes.has(Number(error.code))) {
    return new StoreUnreachable(`${place} refuses the user or the password, or the user lacks a right`, {
      remedy: 'Check user and password in HOLDFAST_STORE; the user needs the role readWrite on its database.',
      cause: error,
    });
  }
  if (
    passes(error) ||
    ['MongoNotConnectedError', 'MongoTopologyClosedError', 'MongoClientClosedError'].includes(error.name)
  ) {
    return new StoreUnavailable(`${place} does not answer`, { cause: error });
  }
  return new StoreFailed(`${place} refused a call (${error.name} ${String(error.code ?? '')})`, error);
}
