import { HoldfastError, type IndexDeclaration } from '@holdfast/contracts';
import { indexName } from '../declaration.ts';
import { errorProperty } from '../errorCode.ts';
import {
  AlreadyExists,
  NotAStore,
  StoreDamaged,
  StoreFailed,
  StoreFull,
  StoreUnavailable,
  StoreUnreachable,
  VersionConflict,
} from '../errors.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code. */
const code = {
  perm: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  protocol: 15,
  constraint: 19,
  auth: 23,
  notadb: 26,
} as const;

/** node:sqlite gives SQLite's extended result code as `errcode`. */
function primaryCode(error: unknown): number | undefined {
  const code = errorProperty(error, 'errcode');
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** Another process has the lock; the same call may work a moment later. */
export function isBusy(error: unknown): boolean {
  const primary = primaryCode(error);
  return primary === code.busy || primary === code.locked || primary === code.protocol;
}

/** A unique index or the primary key refused one statement; the transaction around it goes on. */
export function isConstraint(error: unknown): boolean {
  return primaryCode(error) === code.constraint;
}

/** One write was refused, and left nothing; the transaction around it goes on. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof AlreadyExists || error instanceof VersionConflict || isConstraint(error);

/** The declared fields whose uniqueness a constraint error is about; `id` when it is none of the indexes. */
export function takenFields(error: unknown, indexes: readonly IndexDeclaration[]): readonly string[] {
  const message = String(errorProperty(error, 'message'));
  const index = indexes.find((one) => one.unique && message.endsWith(`_${indexName(one)}'`));
  return index?.fields ?? ['id'];
}

/** What an error of SQLite at this file means to a caller; errors that are ours already pass. */
export function sqliteFailure(path: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  switch (primaryCode(error)) {
    case code.busy:
    case code.locked:
    case code.protocol:
      return new StoreUnavailable(`other processes keep ${path} locked`, { cause: error });
    case code.full:
      return new StoreFull(path, error);
    case code.ioerr:
      return new StoreUnavailable(`the disk of ${path} fails to read or write`, {
        remedy: 'Check the disk and its free space; work goes on by itself when the disk does.',
        cause: error,
      });
    case code.corrupt:
      return new StoreDamaged(path, error);
    case code.notadb:
      return new NotAStore(path, 'is no SQLite database', error);
    case code.perm:
    case code.readonly:
    case code.cantopen:
    case code.auth:
      return new StoreUnreachable(`the database ${path} cannot be opened for writing`, {
        remedy: 'Give the user that runs Holdfast the right to read and write this file and its folder.',
        cause: error,
      });
    default:
      return new StoreFailed(`SQLite refused a call on ${path}`, error);
  }
}
