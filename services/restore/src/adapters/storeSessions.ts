import { type LedgerLine, type RestoreSession, restoreStates } from '@holdfast/contracts';
import { all, type Collection, insertIfAbsent, modify } from '@holdfast/store';
import { SessionTaken } from '../errors.ts';
import type { Ledger, SessionBook } from '../ports.ts';

const open: readonly RestoreSession['state'][] = ['requested', 'running'];

export const hasEnded = ({ state }: Pick<RestoreSession, 'state'>): boolean =>
  restoreStates.includes(state) && !open.includes(state);

/** One session in the control data, fenced by its epoch. */
export function storeSessionBook(
  sessions: Collection<RestoreSession>,
  sessionId: string,
  epoch: number,
): SessionBook {
  return {
    async change(change) {
      const written = await modify(sessions, sessionId, (session) => {
        if (session.epoch !== epoch || hasEnded(session)) throw new SessionTaken('its epoch has moved');
        return change(session);
      });
      if (written === undefined) throw new SessionTaken('it is gone');
      return written.doc;
    },
  };
}

export function storeLedger(lines: Collection<LedgerLine>, sessionId: string): Ledger {
  return {
    async *lines() {
      const query = { where: { sessionId }, sort: { field: 'id', order: 'asc' as const } };
      for await (const { doc } of all(lines, query)) yield doc;
    },
    async add(line) {
      await insertIfAbsent(lines, line);
    },
  };
}
