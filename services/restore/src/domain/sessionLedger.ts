import type { LedgerLine, RestoreSession } from '@holdfast/contracts';
import { createDigestList } from './digestList.ts';

export type Counters = Pick<
  RestoreSession['progress'],
  'itemsDone' | 'created' | 'skipped' | 'renamed' | 'failed' | 'different'
>;

export const noCounters: Counters = {
  itemsDone: 0,
  created: 0,
  skipped: 0,
  renamed: 0,
  failed: 0,
  different: 0,
};

/** `<sessionId>.<position>`: the ledger sorts by its ids in the order of the plan. */
export const lineIdOf = (sessionId: string, position: number): string =>
  `${sessionId}.${String(position).padStart(8, '0')}`;

/** Adds a line to the counters. */
export function count(counters: Counters, line: Pick<LedgerLine, 'action' | 'readBack'>): Counters {
  const next = { ...counters, itemsDone: counters.itemsDone + 1 };
  next[line.action]++;
  if (line.readBack === 'different') next.different++;
  return next;
}

/** Which items of the plan have their line: 1 bit a position and 8 bytes an item. */
export interface LedgerState {
  counters: Counters;
  isDone(position: number): boolean;
  hasItem(itemKey: string): boolean;
}

/** Reads the lines that earlier attempts have written. */
export async function readLedger(lines: AsyncIterable<LedgerLine>): Promise<LedgerState> {
  let bits = new Uint8Array(1024);
  let counters = noCounters;
  const items = createDigestList();
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
  }
  return {
    counters,
    isDone: (position) => (((bits[position >> 3] ?? 0) >> (position & 7)) & 1) === 1,
    hasItem: (itemKey) => items.firstOf(itemKey) >= 0,
  };
}
