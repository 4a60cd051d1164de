import type { LedgerLine, PlanAction, RestoreProgress } from '@holdfast/contracts';
import { planActions } from '@holdfast/contracts';
import { createDigestList, type DigestList, digestOf } from './digestList.ts';

export type Counters = Pick<
  RestoreProgress,
  'itemsDone' | 'created' | 'skipped' | 'renamed' | 'overwritten' | 'failed' | 'different' | 'deviated'
>;

export const noCounters: Counters = {
  itemsDone: 0,
  created: 0,
  skipped: 0,
  renamed: 0,
  overwritten: 0,
  failed: 0,
  different: 0,
  deviated: 0,
};

/** `<sessionId>.<part>.<position>`: the ledger sorts by its ids in the order of the plan. */
export const lineIdOf = (sessionId: string, part: number, position: number): string =>
  `${sessionId}.${String(part).padStart(4, '0')}.${String(position).padStart(8, '0')}`;

/** Adds a line to the counters. */
export function count(
  counters: Counters,
  line: Pick<LedgerLine, 'action' | 'readBack' | 'planned'>,
): Counters {
  const next = { ...counters, itemsDone: counters.itemsDone + 1 };
  next[line.action]++;
  if (line.readBack === 'different') next.different++;
  if (line.planned !== undefined) next.deviated++;
  return next;
}

export function addCounters(a: Counters, b: Counters): Counters {
  const sum = { ...a };
  for (const name of Object.keys(noCounters) as (keyof Counters)[]) sum[name] += b[name];
  return sum;
}

/** Which items of the plan have their line: 1 bit a position, 8 bytes an item, 8 for each identity that was taken. */
export interface LedgerState {
  counters: Counters;
  isDone(position: number): boolean;
  hasItem(itemKey: string): boolean;
  /** Identities of a target folder that stand for items with a line. */
  takenIn(targetFolderId: string): DigestList | undefined;
}

/** Reads the lines that earlier attempts have written. */
export async function readLedger(lines: AsyncIterable<LedgerLine>): Promise<LedgerState> {
  let bits = new Uint8Array(1024);
  let counters = noCounters;
  const items = createDigestList();
  const taken = new Map<string, DigestList>();
  for await (const line of lines) {
    const position = Number(line.id.slice(line.id.lastIndexOf('.') + 1));
    while (position >> 3 >= bits.length) {
      const larger = new Uint8Array(bits.length * 2);
      larger.set(bits);
      bits = larger;
    }
    bits[position >> 3] = (bits[position >> 3] ?? 0) | (1 << (position & 7));
    items.add(line.itemKey);
    counters = count(counters, line);
    for (const identity of line.taken ?? []) {
      const folder = line.targetFolderId ?? '';
      const list = taken.get(folder) ?? createDigestList();
      list.addDigest(digestOf(identity));
      taken.set(folder, list);
    }
  }
  return {
    counters,
    isDone: (position) => (((bits[position >> 3] ?? 0) >> (position & 7)) & 1) === 1,
    hasItem: (itemKey) => items.firstOf(itemKey) >= 0,
    takenIn: (targetFolderId) => taken.get(targetFolderId),
  };
}

/** What the plan says of each position: a byte each. */
export interface PlannedActions {
  at(position: number): PlanAction | undefined;
}

export async function readPlannedActions(
  lines: AsyncIterable<{ position?: number | undefined; action: PlanAction }>,
): Promise<PlannedActions> {
  let codes = new Uint8Array(1024);
  for await (const { position, action } of lines) {
    if (position === undefined) continue;
    while (position >= codes.length) {
      const larger = new Uint8Array(codes.length * 2);
      larger.set(codes);
      codes = larger;
    }
    codes[position] = planActions.indexOf(action) + 1;
  }
  return { at: (position) => planActions[(codes[position] ?? 0) - 1] };
}
