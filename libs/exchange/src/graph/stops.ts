type Stop = (reason: unknown) => void;

const stopsOf = new WeakMap<AbortSignal, Set<Stop>>();

/**
 * Calls `stop` when the signal is aborted, until what is returned is called. The requests of a mailbox share its
 * signal; one listener for all of them costs them a place in a set, where each of their own cost more than the request.
 */
export function onStop(signal: AbortSignal, stop: Stop): () => void {
  const known = stopsOf.get(signal);
  const stops = known ?? new Set<Stop>();
  const all = (): void => {
    for (const one of [...stops]) one(signal.reason);
  };
  if (known === undefined) {
    stopsOf.set(signal, stops);
    signal.addEventListener('abort', all, { once: true });
  }
  stops.add(stop);
  return () => {
    stops.delete(stop);
    if (stops.size > 0 || stopsOf.get(signal) !== stops) return;
    stopsOf.delete(signal);
    signal.removeEventListener('abort', all);
  };
}
