import type { Msg } from '@nats-io/transport-node';
import { errors, nanos } from '@nats-io/transport-node';
import { attemptsHeader, originalIdHeader } from './publisher.ts';
import { traceHeader } from './trace.ts';

/** A message of a consumer, with the answers that the broker understands (NATS ADR-15 and the ack protocol). */
export interface Delivered {
  readonly text: string;
  readonly subject: string;
  /** The id given when it was first published; a postponed copy keeps it. */
  readonly id: string;
  readonly sequence: number;
  /** Deliveries so far, this one and those before a postponement included. */
  readonly attempt: number;
  readonly trace: string | undefined;
  ack(): void;
  nak(afterMs: number): void;
  working(): void;
  term(): void;
}

export function delivered(message: Msg): Delivered {
  const { deliveries, sequence } = parseAckSubject(message.reply ?? '');
  const before = Number(message.headers?.get(attemptsHeader) || 0);
  const given = message.headers?.get(originalIdHeader) || message.headers?.get('Nats-Msg-Id');
  return {
    text: message.string(),
    subject: message.subject,
    id: given || `seq-${sequence}`,
    sequence,
    attempt: before + deliveries,
    trace: message.headers?.get(traceHeader) || undefined,
    ack: () => answer(message, '+ACK'),
    nak: (afterMs) =>
      answer(message, afterMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(afterMs) })}` : '-NAK'),
    working: () => answer(message, '+WPI'),
    term: () => answer(message, '+TERM'),
  };
}

/** An answer that cannot be sent because this process has hung up: the broker delivers the message again. */
function answer(message: Msg, text: string): void {
  try {
    message.respond(text);
  } catch (error) {
    if (!(error instanceof errors.ClosedConnectionError)) throw error;
  }
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`; newer servers put
 * `<domain>.<account>` before the stream and may add a token at the end.
 */
export function parseAckSubject(subject: string): { deliveries: number; sequence: number } {
  const tokens = subject.split('.');
  const first = tokens.length === 9 ? 4 : 6;
  const deliveries = Number(tokens[first]);
  const sequence = Number(tokens[first + 1]);
  if (tokens[1] !== 'ACK' || !Number.isInteger(deliveries) || !Number.isInteger(sequence)) {
    throw new Error(`not the ack subject of a consumer: ${subject}`);
  }
  return { deliveries, sequence };
}
