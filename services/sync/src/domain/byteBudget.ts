/** Bytes of contents held in memory by a process, over all its mailboxes. One budget for all tasks keeps P10. */
export interface ByteBudget {
  readonly held: number;
  /** Resolves when there is room to fetch another content. One content larger than the whole budget passes alone. */
  room(): Promise<void>;
  /** Accounts for a content in memory until the returned function is called. */
  hold(bytes: number): () => void;
}

export function createByteBudget(limit: number): ByteBudget {
  let held = 0;
  const waiting: (() => void)[] = [];
  return {
    get held() {
      return held;
    },
    async room() {
      while (held >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    hold(bytes) {
      held += bytes;
      let open = true;
      return () => {
        if (!open) return;
        open = false;
        held -= bytes;
        if (held < limit) for (const wake of waiting.splice(0)) wake();
      };
    },
  };
}
