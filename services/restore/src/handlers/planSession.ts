import type { RestorePart, RestorePlanSummary } from '@holdfast/contracts';
import { openPart } from '../adapters/openPart.ts';
import { dropOtherPlans, readParts, storePlanWriter } from '../adapters/storeSessions.ts';
import { type PartPlan, planPart } from '../domain/planPart.ts';
import { type PlannedPart, planSummary } from '../domain/planSummary.ts';
import { forEachAtOnce } from '../domain/pool.ts';
import { type Attempt, bookOf, givesPartUp, interruptionOf, notePart } from './attempt.ts';

/**
 * Plans every part of a session, some at a time, and keeps the plan. It writes nothing to any mailbox. A part that
 * cannot be planned is noted with its reason, and the others go on.
 * @throws Interrupted, SessionTaken, the reason of the first part when there is no other, and what may pass
 */
export async function planSession(attempt: Attempt): Promise<RestorePlanSummary> {
  const { deps, session } = attempt;
  const { settings, clock, plans } = deps;
  const parts = await readParts(deps.parts, session.id);
  const generation = session.epoch;
  const writer = storePlanWriter(plans, session.id, generation);
  const planned: PlannedPart[] = [];
  const failures: unknown[] = [];
  await forEachAtOnce(eachOf(parts), settings.mailboxesAtOnce, async (part) => {
    try {
      const { plan, target } = await planOne(attempt, part, (lines) => writer.add(part.part, lines));
      const leavesOrganization = part.targetOrganizationId !== part.organizationId;
      planned.push({ part: part.part, target, leavesOrganization, plan });
      await notePart(attempt, part, { state: 'planned', items: plan.items });
    } catch (error) {
      if (!givesPartUp(error, attempt)) throw error;
      await notePart(attempt, part, { state: 'failed' }, error);
      failures.push(error);
    }
  });
  if (planned.length === 0 && failures.length > 0) throw failures[0];
  planned.sort((a, b) => a.part - b.part);
  const at = new Date(clock.now()).toISOString();
  const { budget, mailboxesAtOnce } = settings;
  const summary = planSummary(session, planned, { budget, mailboxesAtOnce, at });
  const progress = { ...session.progress, itemsTotal: summary.items };
  await bookOf(attempt).change((doc) => ({ ...doc, plan: summary, progress }));
  await dropOtherPlans(plans, session.id, generation);
  return summary;
}

async function planOne(
  attempt: Attempt,
  part: RestorePart,
  add: Parameters<typeof planPart>[3]['add'],
): Promise<{ plan: PartPlan; target: string }> {
  const { deps, session, lease } = attempt;
  const opened = await openPart(deps, part, lease.lost);
  try {
    const plan = await planPart(session, part, opened.sameMailbox, {
      ...{ point: opened.point, writer: opened.writer, add, leaseLost: lease.lost },
      interruption: interruptionOf(attempt),
    });
    return { plan, target: opened.targetMailboxId };
  } finally {
    await opened.close();
  }
}

export async function* eachOf<T>(list: readonly T[]): AsyncIterable<T> {
  yield* list;
}
