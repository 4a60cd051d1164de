import { type OutReason, type ScopeChange, scopeMovesListed } from '@holdfast/contracts';
import type { Scope } from './resolveScope.ts';

/** Who was in the scope of a run. */
export interface Member {
  mailboxId: string;
  mailboxAddress: string;
}

/** Who joined and who left since the run before; in each list the first hundred by address, and the whole number. */
export function scopeChange(
  before: { runId: string; members: readonly Member[] },
  now: Pick<Scope, 'out'> & { members: readonly Member[] },
): ScopeChange {
  const was = new Set(before.members.map(({ mailboxId }) => mailboxId));
  const is = new Set(now.members.map(({ mailboxId }) => mailboxId));
  const reasons = new Map<string, OutReason>(now.out.map(({ mailboxId, reason }) => [mailboxId, reason]));
  const joined = now.members.filter(({ mailboxId }) => !was.has(mailboxId));
  const left = before.members.filter(({ mailboxId }) => !is.has(mailboxId));
  return {
    sinceRunId: before.runId,
    joined: listed(joined, () => undefined),
    left: listed(left, (mailboxId) => reasons.get(mailboxId)),
  };
}

function listed(
  members: readonly Member[],
  reasonOf: (mailboxId: string) => OutReason | undefined,
): ScopeChange['joined'] {
  const sorted = [...members].sort((a, b) => (a.mailboxAddress < b.mailboxAddress ? -1 : 1));
  return {
    count: members.length,
    mailboxes: sorted.slice(0, scopeMovesListed).map(({ mailboxId, mailboxAddress }) => {
      const reason = reasonOf(mailboxId);
      return { mailboxId, address: mailboxAddress, ...(reason === undefined ? {} : { reason }) };
    }),
  };
}
