import type { Lease, Messaging } from '@holdfast/messaging';
import { MailboxTaken } from '../errors.ts';
import type { WriteRight } from '../ports.ts';

/** The right to write to a mailbox as a lease in the broker, taken when it is first asked for. */
export interface MailboxLease extends WriteRight {
  /** Another worker had it when it was asked for. */
  readonly refused: boolean;
  release(): Promise<void>;
}

export function mailboxLease(
  messaging: Pick<Messaging, 'acquireLease'>,
  key: string,
  owner: string,
): MailboxLease {
  const lost = new AbortController();
  let lease: Lease | undefined;
  let refused = false;
  return {
    get refused() {
      return refused;
    },
    lost: lost.signal,
    async take() {
      if (lease !== undefined) return;
      const taken = await messaging.acquireLease(key, owner);
      refused = taken === undefined;
      if (taken === undefined) throw new MailboxTaken('it has the lease');
      lease = taken;
      if (taken.lost.aborted) lost.abort(taken.lost.reason);
      taken.lost.addEventListener('abort', () => lost.abort(taken.lost.reason), { once: true });
    },
    release: async () => lease?.release(),
  };
}
