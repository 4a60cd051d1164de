import { idSchema, type PlanLine, planActions, planLineSchema, planPagePrefix } from '@holdfast/contracts';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'restores';
/** With a filter a page may come back shorter than asked for, with a `next`: so many stored pages are read at most. */
const mostPages = 50;

interface Place {
  /** Stored page, and lines of it that were seen. */
  pageId: string;
  seen: number;
}

const placeOf = (after: string | undefined, prefix: string): Place => {
  if (after === undefined) return { pageId: prefix, seen: 0 };
  const [pageId, seen] = decodeCursor(z.tuple([z.string(), z.number().int().min(0)]), after);
  return { pageId: pageId.startsWith(prefix) ? pageId : prefix, seen };
};

/** Lines of the plan from a place on that are wanted, and where to go on. */
async function readLines(
  ports: ApiPorts,
  prefix: string,
  from: Place,
  { limit, wanted }: { limit: number; wanted: (line: PlanLine) => boolean },
): Promise<{ items: PlanLine[]; next?: string }> {
  const items: PlanLine[] = [];
  // The character behind the dot that ends the prefix.
  const end = `${prefix.slice(0, -1)}/`;
  const page = await ports.collections.restorePlan.find({
    where: { id: { gte: from.pageId, lt: end } },
    limit: mostPages,
  });
  for (const { doc } of page.items) {
    const skip = doc.id === from.pageId ? from.seen : 0;
    for (const [index, line] of doc.lines.entries()) {
      if (index < skip || !wanted(line)) continue;
      if (items.length === limit) return { items, next: encodeCursor(doc.id, index) };
      items.push(line);
    }
  }
  const last = page.items.at(-1)?.doc;
  return page.next === undefined || last === undefined
    ? { items }
    : { items, next: encodeCursor(last.id, last.lines.length) };
}

const plan = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restores/{sessionId}/plan',
    operationId: 'listRestorePlan',
    tag,
    summary: 'What a restore means to do: one line an item; none until it is planned',
    description: 'With `action` a page may have fewer lines than asked for and still a `next`.',
    params: z.object({ sessionId: idSchema }),
    query: z.strictObject({ ...pageQuery, action: z.enum(planActions).optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(planLineSchema) } },
    async handler({ params: { sessionId }, query: { limit, after, action } }) {
      const { doc } = await lookUp(ports.collections.restoreSessions, 'restore session', sessionId);
      if (doc.plan === undefined) return { body: { items: [] } };
      const prefix = planPagePrefix(sessionId, doc.plan.generation);
      const wanted = (line: PlanLine) => action === undefined || line.action === action;
      return { body: await readLines(ports, prefix, placeOf(after, prefix), { limit, wanted }) };
    },
  });

export const restorePlanRoutes = (ports: ApiPorts): Route[] => [plan(ports)];
