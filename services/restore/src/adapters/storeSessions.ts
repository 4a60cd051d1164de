import {
  hasRestoreEnded,
  type LedgerLine,
  type PlanLine,
  type PlanPage,
  planPageIdOf,
  planPagePrefix,
  type RestorePart,
  type RestoreSession,
} from '@holdfast/contracts';
import { all, type Collection, insertIfAbsent, modify } from '@holdfast/store';
import { SessionTaken } from '../errors.ts';
import type { Ledger, PlanWriter, SessionBook } from '../ports.ts';

/** One session in the control data, fenced by its epoch. */
export function storeSessionBook(
  sessions: Collection<RestoreSession>,
  sessionId: string,
  epoch: number,
): SessionBook {
  return {
    async change(change) {
      const written = await modify(sessions, sessionId, (session) => {
        if (session.epoch !== epoch || hasRestoreEnded(session))
          throw new SessionTaken('its epoch has moved');
        return change(session);
      });
      if (written === undefined) throw new SessionTaken('it is gone');
      return written.doc;
    },
  };
}

/** The parts of a session in order. */
export async function readParts(parts: Collection<RestorePart>, sessionId: string): Promise<RestorePart[]> {
  const found: RestorePart[] = [];
  for await (const { doc } of all(parts, { where: { sessionId } })) found.push(doc);
  return found;
}

export function storeLedger(
  lines: Collection<LedgerLine>,
  { sessionId, id: partId }: Pick<RestorePart, 'sessionId' | 'id'>,
): Ledger {
  return {
    async *lines() {
      const where = { sessionId, id: { prefix: `${partId}.` } };
      for await (const { doc } of all(lines, { where, sort: { field: 'id', order: 'asc' } })) yield doc;
    },
    async add(line) {
      await insertIfAbsent(lines, line);
    },
  };
}

/** Writes the pages of one planning; the generation tells them from those of another. */
export function storePlanWriter(
  pages: Collection<PlanPage>,
  sessionId: string,
  generation: number,
): PlanWriter {
  const written = new Map<number, number>();
  return {
    async add(part, lines) {
      const page = written.get(part) ?? 0;
      written.set(part, page + 1);
      const id = planPageIdOf(sessionId, generation, part, page);
      await insertIfAbsent(pages, { id, sessionId, generation, lines: [...lines] });
    },
  };
}

/** The lines of a plan for one part. */
export async function* readPlanLines(
  pages: Collection<PlanPage>,
  sessionId: string,
  generation: number,
  part: number,
): AsyncGenerator<PlanLine> {
  const prefix = `${planPagePrefix(sessionId, generation)}${String(part).padStart(4, '0')}.`;
  const where = { sessionId, id: { prefix } };
  for await (const { doc } of all(pages, { where, sort: { field: 'id', order: 'asc' } })) yield* doc.lines;
}

/** Removes what plannings that were cut short have left. */
export async function dropOtherPlans(
  pages: Collection<PlanPage>,
  sessionId: string,
  generation: number,
): Promise<void> {
  const doomed: string[] = [];
  const where = { sessionId };
  for await (const { doc } of all(pages, { where })) if (doc.generation !== generation) doomed.push(doc.id);
  for (const id of doomed) await pages.delete(id);
}
