import type { LedgerLine, RestoreProgress, RestoreSession } from '@holdfast/contracts';
import type { ReaderStatistics } from '@holdfast/exchange';
import { secondsLeft } from './estimatePlan.ts';
import { addCounters, type Counters, count, noCounters } from './sessionLedger.ts';

/** Live counters of one attempt of a session, over all its parts. */
export interface SessionProgress {
  /** What earlier attempts have written to the ledger of a part. */
  addDone(counters: Counters): void;
  /** A writer's requests count from now on. */
  watch(statistics: ReaderStatistics): void;
  foldersCreated(part: number, created: number): void;
  add(line: LedgerLine, bytes: number): void;
  /** As the session keeps it. */
  now(): RestoreProgress;
}

/** Counters of items come from the ledger, so that a crash cannot falsify them; the others go on from the session. */
export function createSessionProgress(
  session: Pick<RestoreSession, 'progress' | 'plan'>,
  clock: () => number,
): SessionProgress {
  const { progress: before, plan } = session;
  const startedAt = clock();
  const itemsTotal = plan?.items ?? 0;
  const writers: ReaderStatistics[] = [];
  const folders = new Map<number, number>();
  let counters = noCounters;
  let doneBefore = 0;
  let bytes = 0;
  const sum = (of: (statistics: ReaderStatistics) => number) => writers.reduce((a, b) => a + of(b), 0);
  return {
    addDone(done) {
      counters = addCounters(counters, done);
      doneBefore += done.itemsDone;
    },
    watch: (statistics) => void writers.push(statistics),
    foldersCreated: (part, created) => void folders.set(part, created),
    add(line, sent) {
      counters = count(counters, line);
      bytes += sent;
    },
    now() {
      const left = secondsLeft(clock() - startedAt, doneBefore, counters.itemsDone, itemsTotal);
      return {
        ...counters,
        itemsTotal,
        foldersCreated: before.foldersCreated + [...folders.values()].reduce((a, b) => a + b, 0),
        bytes: before.bytes + bytes,
        requests: before.requests + sum(({ requests }) => requests),
        throttledSeconds: before.throttledSeconds + Math.round(sum(({ throttledMs }) => throttledMs)) / 1000,
        ...(left === undefined ? {} : { secondsLeft: left }),
      };
    },
  };
}
