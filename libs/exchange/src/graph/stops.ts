type Stop = (reason: unknown) => void;

interface Listening {
  stops: Set<Stop>;
  /** The one listener of the signal: only the very same can be taken off again. */
  listener: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

function listenTo(signal: AbortSignal): Listening {
  const stops = new Set<Stop>();
  const listener = (): void => {
    for (const stop of [...stops]) stop(signal.reason);
  };
  signal.addEventListener('abort', listener, { once: true });
  const made = { stops, listener };
  listening.set(signal, made);
  return made;
}

/**
 * Calls `stop` when the signal is aborted, until what is returned is called. The requests of a mailbox share its
 * signal; one listener for all of them costs them a place in a set, where each of their own cost more than the request.
 */
export function onStop(signal: AbortSignal, stop: Stop): () => void {
  const mine = listening.get(signal) ?? listenTo(signal);
  mine.stops.add(stop);
  return () => {
    mine.stops.delete(stop);
    if (mine.stops.size > 0 || listening.get(signal) !== mine) return;
    listening.delete(signal);
    signal.removeEventListener('abort', mine.listener);
  };
}
