import { type ErrorClass, type ErrorDetails, HoldfastError } from '@holdfast/contracts/errors';

interface Facts {
  details?: ErrorDetails;
  cause?: unknown;
}

/** The name is not in the store. */
export class BlobNotFound extends HoldfastError {
  constructor(name: string, facts: Facts = {}) {
    super('blob-not-found', 'vanished', `${name} is not in the repository's storage.`, {
      remedy: 'Verify the repository; restore the missing file from a copy of the storage if there is one.',
      ...facts,
      details: { ...facts.details, name },
    });
  }
}

/** The name is taken; nothing was changed. */
export class BlobAlreadyExists extends HoldfastError {
  constructor(name: string, facts: Facts = {}) {
    super('blob-already-exists', 'ours', `${name} is already in the repository's storage.`, {
      ...facts,
      details: { ...facts.details, name },
    });
  }
}

/** The outcome is unknown or the storage is busy; the same call may be made again. */
export class StoreTransient extends HoldfastError {
  constructor(message: string, facts: Facts = {}) {
    super('store-transient', 'transient', message, {
      remedy: 'It is tried again by itself; if it goes on, check the storage and the way to it.',
      ...facts,
    });
  }
}

/** Trying again will not help: full disk, missing permission, not a folder. */
export class StorePermanent extends HoldfastError {
  constructor(code: string, message: string, remedy: string, facts: Facts = {}) {
    super(code, 'configuration', message, { remedy, ...facts });
  }
}

/** Stored bytes are not what was written; nothing of them was returned. */
export class Damaged extends HoldfastError {
  constructor(code: DamageCode, message: string, facts: Facts = {}) {
    super(code, 'ours', message, {
      remedy: 'Verify the repository; the next backup stores again what is lost and still at the source.',
      ...facts,
    });
  }
}

/** Which promise of the format the bytes broke. */
export type DamageCode =
  | 'damaged-frame'
  | 'damaged-pack'
  | 'damaged-segment'
  | 'damaged-manifest'
  | 'damaged-page'
  | 'damaged-item'
  | 'damaged-key-slot'
  | 'damaged-config'
  | 'damaged-record'
  | 'object-missing';

/** A choice of the caller that cannot work. */
export class EngineRefusal extends HoldfastError {
  constructor(
    code: string,
    message: string,
    remedy: string,
    facts: Facts & { errorClass?: ErrorClass } = {},
  ) {
    const { errorClass, ...rest } = facts;
    super(code, errorClass ?? 'configuration', message, { remedy, ...rest });
  }
}

/** The writer session is over (fenced, lease not renewed, storage failed); what was committed stays. */
export class SessionLost extends HoldfastError {
  constructor(reason: string, facts: Facts = {}) {
    super('session-lost', 'transient', `The writer session is lost: ${reason}`, {
      remedy: 'Open a new session and run the task again; nothing that was committed is affected.',
      ...facts,
    });
  }
}

/** True for an error of this code, whatever module instance made it. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof HoldfastError && error.code === code;
}
