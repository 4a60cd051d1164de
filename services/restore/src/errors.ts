import { HoldfastError } from '@holdfast/contracts';

/** Another worker has taken the session: whatever this one still wanted to write would be one too many. */
export class SessionTaken extends HoldfastError {
  constructor(what: string, cause?: unknown) {
    super('session-taken', 'transient', `Another worker has taken the restore session (${what}).`, {
      remedy: 'Nothing to do: the other worker finishes the work.',
      cause,
    });
  }
}

/** What ends the work on a session early without being a fault of it. */
export type InterruptReason = 'cancel' | 'pause' | 'shutdown';

/** The session was cancelled or paused, or this process is ending. */
export class Interrupted extends HoldfastError {
  readonly reason: InterruptReason;

  constructor(reason: InterruptReason) {
    super('interrupted', 'transient', `The restore was interrupted (${reason}).`);
    this.reason = reason;
  }
}

/** The request cannot be carried out as it stands; a person chooses anew. */
export class RestoreRefused extends HoldfastError {
  constructor(code: string, message: string, remedy: string) {
    super(code, 'configuration', message, { remedy });
  }
}

/** True for an error of this code, whichever package threw it. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof HoldfastError && codes.includes(error.code);
}
