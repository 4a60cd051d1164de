/** Which jobs run after which. */
export interface Chains {
  /** Sets the jobs that a job follows, in place of what was set before. */
  set(jobId: string, followed: readonly string[]): void;
  followersOf(jobId: string): readonly string[];
}

export function createChains(): Chains {
  const followedBy = new Map<string, readonly string[]>();
  const followers = new Map<string, Set<string>>();
  return {
    set(jobId, followed) {
      for (const before of followedBy.get(jobId) ?? []) {
        const set = followers.get(before);
        set?.delete(jobId);
        if (set?.size === 0) followers.delete(before);
      }
      if (followed.length === 0) followedBy.delete(jobId);
      else followedBy.set(jobId, followed);
      for (const other of followed) {
        const set = followers.get(other) ?? new Set();
        followers.set(other, set.add(jobId));
      }
    },
    followersOf: (jobId) => [...(followers.get(jobId) ?? [])],
  };
}
