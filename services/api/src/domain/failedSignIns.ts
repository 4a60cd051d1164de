/** Counts failed sign-ins by address, so that guessing is slowed down. */
export interface FailedSignIns {
  /** Seconds until the address may try again; 0 when it may now. */
  pauseSeconds(address: string): number;
  failed(address: string): void;
}

export interface FailedSignInLimits {
  /** Failures allowed in a window. */
  limit: number;
  windowMs: number;
  /** Addresses remembered; the oldest is forgotten first, so that the memory is bounded. */
  addresses: number;
}

export function createFailedSignIns(now: () => number, limits: FailedSignInLimits): FailedSignIns {
  const windows = new Map<string, { count: number; endsAt: number }>();
  const current = (address: string) => {
    const window = windows.get(address);
    if (window !== undefined && window.endsAt <= now()) {
      windows.delete(address);
      return undefined;
    }
    return window;
  };
  return {
    pauseSeconds(address) {
      const window = current(address);
      if (window === undefined || window.count < limits.limit) return 0;
      return Math.ceil((window.endsAt - now()) / 1000);
    },
    failed(address) {
      const window = current(address) ?? { count: 0, endsAt: now() + limits.windowMs };
      window.count += 1;
      windows.set(address, window);
      if (windows.size <= limits.addresses) return;
      for (const oldest of windows.keys()) {
        windows.delete(oldest);
        return;
      }
    },
  };
}
