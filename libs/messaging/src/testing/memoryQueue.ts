import type { TaskMessage } from '../taskRunner.ts';

/** True when a subject falls under a filter with the wildcards `*` (one part) and `>` (the rest). */
export function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const parts = subject.split('.');
  for (const [index, want] of wanted.entries()) {
    if (want === '>') return parts.length > index;
    if (want !== '*' && want !== parts[index]) return false;
  }
  return wanted.length === parts.length;
}

export interface StoredMessage {
  sequence: number;
  subject: string;
  text: string;
  /** Id given at first; `dedupeId` tells copies apart. */
  id: string;
  attemptsBefore: number;
  trace: string | undefined;
}

/** Messages in their order, with a window in which a repeated id is dropped. */
export function createMemoryStream() {
  const messages = new Map<number, StoredMessage>();
  const seenIds = new Set<string>();
  const listeners = new Set<() => void>();
  let last = 0;
  return {
    messages,
    append(message: Omit<StoredMessage, 'sequence'>, dedupeId: string): boolean {
      if (seenIds.has(dedupeId)) return false;
      seenIds.add(dedupeId);
      last += 1;
      messages.set(last, { ...message, sequence: last });
      for (const listener of [...listeners]) listener();
      return true;
    },
    /** Tells that looking again may be worth it. */
    ring() {
      for (const listener of [...listeners]) listener();
    },
    onRing(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get last() {
      return last;
    },
    wipe() {
      messages.clear();
      seenIds.clear();
      last = 0;
      for (const listener of [...listeners]) listener();
    },
  };
}
export type MemoryStream = ReturnType<typeof createMemoryStream>;

interface Flight {
  /** Deliveries by this consumer so far. */
  deliveries: number;
  state: 'ready' | 'out' | 'settled';
  timer?: NodeJS.Timeout | undefined;
}

/** A durable consumer with explicit acks, as the broker keeps it. */
export function createMemoryConsumer(
  stream: MemoryStream,
  options: { filter: string; maxAckPending: number; ackWaitMs: number; removeOnAck: boolean; after: number },
) {
  const flights = new Map<number, Flight>();
  let { maxAckPending } = options;

  function flightOf(sequence: number): Flight {
    const flight = flights.get(sequence) ?? { deliveries: 0, state: 'ready' };
    flights.set(sequence, flight);
    return flight;
  }

  /** Delivered and not acked, also while a nak's delay runs. */
  const pending = () => [...flights.values()].filter((f) => f.state === 'out').length;

  function next(): TaskMessage | undefined {
    for (const message of stream.messages.values()) {
      if (message.sequence <= options.after || !subjectMatches(options.filter, message.subject)) continue;
      const flight = flightOf(message.sequence);
      if (flight.state !== 'ready') continue;
      if (flight.deliveries === 0 && pending() >= maxAckPending) return undefined;
      return deliver(message, flight);
    }
    return undefined;
  }

  function comeAgain(flight: Flight, afterMs: number): void {
    clearTimeout(flight.timer);
    flight.timer = setTimeout(() => {
      flight.state = 'ready';
      stream.ring();
    }, afterMs);
    flight.timer.unref();
  }

  function deliver(message: StoredMessage, flight: Flight): TaskMessage {
    flight.state = 'out';
    flight.deliveries += 1;
    comeAgain(flight, options.ackWaitMs);
    const settle = () => {
      clearTimeout(flight.timer);
      flight.state = 'settled';
      // After a wipe another message may have the same number.
      if (options.removeOnAck && stream.messages.get(message.sequence) === message) {
        stream.messages.delete(message.sequence);
        flights.delete(message.sequence);
      }
      stream.ring();
    };
    const whileOut = (act: () => void) => () => {
      if (flight.state === 'out') act();
    };
    return {
      text: message.text,
      id: message.id,
      subject: message.subject,
      sequence: message.sequence,
      attempt: message.attemptsBefore + flight.deliveries,
      trace: message.trace,
      ack: settle,
      term: settle,
      working: whileOut(() => comeAgain(flight, options.ackWaitMs)),
      nak: (afterMs) => whileOut(() => comeAgain(flight, afterMs))(),
    };
  }

  return {
    next,
    setMaxAckPending(limit: number) {
      maxAckPending = limit;
    },
    forget() {
      for (const flight of flights.values()) clearTimeout(flight.timer);
      flights.clear();
    },
  };
}
export type MemoryConsumer = ReturnType<typeof createMemoryConsumer>;
