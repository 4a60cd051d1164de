/**
 * Since when a running task shows no sign of life. A proxy that lost the broker for a moment, or a scheduler that
 * has just begun to look, must not make work appear abandoned at once.
 */
export interface Silence {
  /** Notes a sign of life, or its absence, and answers for how long it has been absent (ms). */
  note(taskId: string, isAlive: boolean): number;
  /** Begins to count anew, after something was done about it. */
  reset(taskId: string): void;
  /** Forgets the tasks of an ended run. */
  forget(runId: string): void;
}

export function createSilence(now: () => number): Silence {
  const since = new Map<string, number>();
  return {
    note(taskId, isAlive) {
      if (isAlive) {
        since.delete(taskId);
        return 0;
      }
      const start = since.get(taskId);
      if (start === undefined) since.set(taskId, now());
      return start === undefined ? 0 : now() - start;
    },
    reset: (taskId) => void since.set(taskId, now()),
    forget(runId) {
      for (const taskId of since.keys()) if (taskId.startsWith(`${runId}.`)) since.delete(taskId);
    },
  };
}
