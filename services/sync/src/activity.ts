/** A mailbox that this process works on. */
export interface ActiveMailbox {
  taskId: string;
  address: string;
  since: number;
}

/** What this process works on now: for heartbeats, health and the lag. */
export interface Activity {
  begin(mailbox: ActiveMailbox): () => void;
  readonly busy: number;
  addresses(): string[];
  /** Seconds since the oldest mailbox in hand was begun; 0 when idle. */
  lagSeconds(now: number): number;
}

export function createActivity(onChange: (busy: number) => void): Activity {
  const active = new Set<ActiveMailbox>();
  return {
    begin(mailbox) {
      active.add(mailbox);
      onChange(active.size);
      return () => {
        active.delete(mailbox);
        onChange(active.size);
      };
    },
    get busy() {
      return active.size;
    },
    addresses: () => [...active].map(({ address }) => address),
    lagSeconds(now) {
      let oldest = now;
      for (const { since } of active) oldest = Math.min(oldest, since);
      return (now - oldest) / 1000;
    },
  };
}
