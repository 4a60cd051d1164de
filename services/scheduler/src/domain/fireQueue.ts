/** The next fires of all jobs, soonest first; at most one a job. */
export interface FireQueue {
  readonly size: number;
  /** Sets when a job fires next, in place of what was set before; undefined takes the job out. */
  set(jobId: string, timeMs: number | undefined): void;
  /** Time of the soonest fire, ms since epoch. */
  soonest(): number | undefined;
  /** Takes out the jobs that fire at or before a time, soonest first. */
  takeDue(nowMs: number, limit: number): string[];
}

interface Entry {
  timeMs: number;
  jobId: string;
}

/**
 * A binary heap. An entry that was replaced stays until it comes to the top and is dropped there; the heap is
 * rebuilt when more than half of it is of that kind, so its size stays within twice the number of jobs.
 */
export function createFireQueue(): FireQueue {
  const current = new Map<string, Entry>();
  let heap: Entry[] = [];

  const isCurrent = (entry: Entry): boolean => current.get(entry.jobId) === entry;
  const before = (a: Entry, b: Entry): boolean => a.timeMs < b.timeMs;

  function push(entry: Entry): void {
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !before(entry, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  function pop(): void {
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const isRight = left !== undefined && right !== undefined && before(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !before(child, last)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }

  function top(): Entry | undefined {
    let entry = heap[0];
    while (entry !== undefined && !isCurrent(entry)) {
      pop();
      entry = heap[0];
    }
    return entry;
  }

  function shrink(): void {
    if (heap.length <= 2 * current.size + 64) return;
    const live = heap.filter(isCurrent);
    heap = [];
    for (const entry of live) push(entry);
  }

  return {
    get size() {
      return current.size;
    },
    set(jobId, timeMs) {
      current.delete(jobId);
      if (timeMs !== undefined) {
        const entry = { timeMs, jobId };
        current.set(jobId, entry);
        push(entry);
      }
      shrink();
    },
    soonest: () => top()?.timeMs,
    takeDue(nowMs, limit) {
      const due: string[] = [];
      for (
        let entry = top();
        entry !== undefined && entry.timeMs <= nowMs && due.length < limit;
        entry = top()
      ) {
        due.push(entry.jobId);
        current.delete(entry.jobId);
        pop();
      }
      return due;
    },
  };
}
