import { errorFacts, type Gap, HoldfastError } from '@holdfast/contracts';

/** The item that could not be stored. */
export interface GapSubject {
  itemKey: string;
  folderId: string;
  folderPath: string;
  subject: string | undefined;
}

const minuteMs = 60_000;

/** Pauses before the next try, after the first, second, ... failed one; the last repeats. A new gap is tried in the next run. */
const pausesMs = [
  0,
  15 * minuteMs,
  60 * minuteMs,
  4 * 60 * minuteMs,
  24 * 60 * minuteMs,
  7 * 24 * 60 * minuteMs,
];

/** The pause after this many failed tries (1 = the first). */
export function pauseAfterMs(tries: number): number {
  return pausesMs[Math.min(tries, pausesMs.length) - 1] ?? 0;
}

/** The items of one mailbox that are known to exist and are not stored (P1). Holds one entry an item. */
export interface GapLedger {
  readonly size: number;
  /** Gaps that were not there before this run. */
  readonly added: number;
  readonly healed: number;
  get(itemKey: string): Gap | undefined;
  /** Writes or renews the gap of an item; it is tried again after a pause that grows with each try. */
  record(subject: GapSubject, error: unknown, now: number): void;
  /** The item was stored: its gap, if any, is closed. */
  heal(itemKey: string): void;
  /** The item is gone from this folder; a gap that has moved to another folder stays. */
  dropItem(itemKey: string, folderId: string): void;
  dropFolder(folderId: string): void;
  /** Gaps of a folder whose item the test refuses are dropped (they vanished). */
  keepInFolder(folderId: string, stillThere: (itemKey: string) => boolean): void;
  inFolder(folderId: string): number;
  due(now: number): Gap[];
  /** Newest first. */
  all(): Gap[];
}

/** @throws HoldfastError `too-many-gaps` from `record` beyond the limit: then it is the mailbox that is unreadable. */
export function createGapLedger(carried: readonly Gap[], limit: number): GapLedger {
  const gaps = new Map(carried.map((gap) => [gap.itemKey, gap]));
  const fresh = new Set<string>();
  let healed = 0;
  const drop = (itemKey: string) => {
    fresh.delete(itemKey);
    return gaps.delete(itemKey);
  };
  return {
    get size() {
      return gaps.size;
    },
    get added() {
      return fresh.size;
    },
    get healed() {
      return healed;
    },
    get: (itemKey) => gaps.get(itemKey),
    record(subject, error, now) {
      const known = gaps.get(subject.itemKey);
      if (known === undefined && gaps.size >= limit) throw tooMany(limit, error);
      if (known === undefined) fresh.add(subject.itemKey);
      gaps.set(subject.itemKey, gapOf(subject, error, now, known));
    },
    heal(itemKey) {
      if (drop(itemKey)) healed++;
    },
    dropItem(itemKey, folderId) {
      if (gaps.get(itemKey)?.folderId === folderId) drop(itemKey);
    },
    dropFolder(folderId) {
      for (const gap of gaps.values()) if (gap.folderId === folderId) drop(gap.itemKey);
    },
    keepInFolder(folderId, stillThere) {
      for (const gap of gaps.values()) {
        if (gap.folderId === folderId && !stillThere(gap.itemKey)) drop(gap.itemKey);
      }
    },
    inFolder: (folderId) => {
      let count = 0;
      for (const gap of gaps.values()) if (gap.folderId === folderId) count++;
      return count;
    },
    due: (now) => [...gaps.values()].filter((gap) => Date.parse(gap.nextTry) <= now),
    all: () => [...gaps.values()].sort((a, b) => b.firstSeen.localeCompare(a.firstSeen)),
  };
}

function gapOf(subject: GapSubject, error: unknown, now: number, known: Gap | undefined): Gap {
  const facts = errorFacts(error);
  const requestId = error instanceof HoldfastError ? error.details.requestId : undefined;
  const tries = (known?.tries ?? 0) + 1;
  return {
    itemKey: subject.itemKey,
    folderId: subject.folderId,
    folderPath: subject.folderPath,
    ...(subject.subject === undefined ? {} : { subject: subject.subject }),
    code: facts.code,
    reason: facts.message,
    ...(requestId === undefined ? {} : { requestId: String(requestId) }),
    firstSeen: known?.firstSeen ?? isoTime(now),
    lastTried: isoTime(now),
    tries,
    nextTry: isoTime(now + pauseAfterMs(tries)),
  };
}

const isoTime = (ms: number) => new Date(ms).toISOString();

function tooMany(limit: number, cause: unknown): HoldfastError {
  return new HoldfastError(
    'too-many-gaps',
    'permanent-mailbox',
    `More than ${limit} items of the mailbox cannot be read; the last one: ${errorFacts(cause).message}`,
    { remedy: 'Look at the reason of the last item: so many failures have one common cause.', cause },
  );
}
