/** What this process works on now. */
export interface Activity {
  begin(work: { id: string; since: number }): () => void;
  readonly busy: number;
  /** Seconds since the oldest session in hand was begun; 0 when idle. */
  lagSeconds(now: number): number;
}

export function createActivity(onChange: (busy: number) => void): Activity {
  const active = new Set<{ id: string; since: number }>();
  return {
    begin(work) {
      active.add(work);
      onChange(active.size);
      return () => {
        active.delete(work);
        onChange(active.size);
      };
    },
    get busy() {
      return active.size;
    },
    lagSeconds(now) {
      let oldest = now;
      for (const { since } of active) oldest = Math.min(oldest, since);
      return (now - oldest) / 1000;
    },
  };
}
