import { POINTS_PREFIX, type PointKind, type PointName, parsePointName } from '../format/names.ts';
import type { BlobStore } from '../ports.ts';
import { fenceSession, listFences } from '../session/liveRecords.ts';

/** A restore point as its name tells it. */
export interface PointRef extends PointName {
  name: string;
}

export interface PointFilter {
  mailboxKey?: string;
  kinds?: readonly PointKind[];
}

/**
 * Restore points in order of mailbox and time, from names alone. What a fenced session committed after its
 * fence does not count; of several records of one point the highest generation counts, then the first name.
 */
export async function* listPoints(store: BlobStore, filter: PointFilter = {}): AsyncIterable<PointRef> {
  const prefix = filter.mailboxKey ? `${POINTS_PREFIX}${filter.mailboxKey}/` : POINTS_PREFIX;
  const fences = await settledFences(store);
  let mailbox: PointRef[] = [];
  for await (const { name } of store.list(prefix)) {
    const parsed = parsePointName(name);
    if (!parsed || !counts(name, parsed, fences)) continue;
    if (filter.kinds && !filter.kinds.includes(parsed.kind)) continue;
    if (mailbox[0] && mailbox[0].mailboxKey !== parsed.mailboxKey) {
      yield* collapse(mailbox);
      mailbox = [];
    }
    mailbox.push({ ...parsed, name });
  }
  yield* collapse(mailbox);
}

/** One record for each point id; time order. The list of one mailbox is some hundreds of points at most. */
function collapse(points: readonly PointRef[]): PointRef[] {
  const chosen = new Map<string, PointRef>();
  for (const point of points) {
    const key = `${point.kind}.${point.pointId}`;
    const known = chosen.get(key);
    if (!known || point.generation > known.generation) chosen.set(key, point);
  }
  return [...chosen.values()].sort((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1));
}

type Fences = Map<string, ReadonlySet<string> | undefined>;

function counts(name: string, point: PointName, fences: Fences): boolean {
  if (!fences.has(point.session8)) return true;
  const admitted = fences.get(point.session8);
  // An intent that cannot be completed here (read-only): what is listed now is what a completion would admit.
  return admitted === undefined || admitted.has(name);
}

/** Fences by the beginning of the session id; whoever finds an intent without a final record completes it. */
async function settledFences(store: BlobStore): Promise<Fences> {
  const fences: Fences = new Map();
  for (const [sessionId, fence] of await listFences(store)) {
    let admitted = fence.admitted;
    if (!admitted && !isReadOnly(store)) {
      await fenceSession(store, sessionId);
      admitted = (await listFences(store)).get(sessionId)?.admitted;
    }
    fences.set(sessionId.slice(0, 8), admitted);
  }
  return fences;
}

function isReadOnly(store: BlobStore): boolean {
  return store.capabilities().put === false;
}
