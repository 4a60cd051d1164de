import { HoldfastError, type HoldfastErrorOptions } from '@holdfast/contracts';

/** The change cursor is not known any more: start the round again without one and compare with what is stored. */
export class CursorExpired extends HoldfastError {
  constructor(message: string, options: HoldfastErrorOptions = {}) {
    super('cursor-expired', 'transient', message, {
      remedy: 'Nothing to do: the folder is read again in full and compared with what is stored.',
      ...options,
    });
  }
}

/** The folder is gone. */
export class FolderGone extends HoldfastError {
  readonly folderId: string;

  constructor(folderId: string, options: HoldfastErrorOptions = {}) {
    super('folder-gone', 'vanished', 'The folder was removed from the mailbox.', options);
    this.folderId = folderId;
  }
}

/** The service cannot list changes of this mailbox (it is full): list its folders without a cursor. */
export class DeltaUnavailable extends HoldfastError {
  constructor(message: string, options: HoldfastErrorOptions = {}) {
    super('delta-unavailable', 'transient', message, {
      remedy: 'The mailbox is full. It is read without change cursors; free some space in it.',
      ...options,
    });
  }
}

/** An address from an answer points to a host that must not get our token or data. */
export class ForeignHost extends HoldfastError {
  constructor(what: string, host: string, allowed: readonly string[]) {
    super('foreign-host', 'configuration', `${what} points to ${host}, which is not a host of this cloud.`, {
      remedy: `If ${host} belongs to your cloud, add it to the cloud's record (allowed: ${allowed.join(', ')}).`,
      details: { host },
    });
  }
}

/** The shared budget of the mailbox was lost while it was used. */
export class BudgetLost extends HoldfastError {
  constructor(cause?: unknown) {
    super('budget-lost', 'transient', "The lease on the mailbox's share of the budget was lost.", {
      remedy: 'Nothing to do: the work is taken up again when a share is free.',
      cause,
    });
  }
}
