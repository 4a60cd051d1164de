import { HoldfastError } from '@holdfast/contracts';

/** Another worker has taken the mailbox: whatever this one still wanted to write would be one too many. */
export class MailboxTaken extends HoldfastError {
  constructor(what: string, cause?: unknown) {
    super('mailbox-taken', 'transient', `Another proxy has taken the mailbox (${what}).`, {
      remedy: 'Nothing to do: the other proxy finishes the work.',
      cause,
    });
  }
}

/** What ends the work on a mailbox early without being a fault of it. */
export type InterruptReason = 'stop' | 'shutdown';

/** The run was stopped or this process is ending: make a checkpoint and leave. */
export class Interrupted extends HoldfastError {
  readonly reason: InterruptReason;

  constructor(reason: InterruptReason) {
    super('interrupted', 'transient', `The work on the mailbox was interrupted (${reason}).`);
    this.reason = reason;
  }
}

/** True for an error of this code, whichever package threw it. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof HoldfastError && codes.includes(error.code);
}
