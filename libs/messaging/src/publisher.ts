import { headers } from '@nats-io/transport-node';
import type { Connection } from './connection.ts';
import { MessageTooLarge } from './errors.ts';
import { outgoingTrace, traceHeader } from './trace.ts';

/** Header with the attempts that a task has already had under another sequence number (see `postpone`). */
export const attemptsHeader = 'Holdfast-Attempts';
/** Header with the message id that a postponed copy had at first. */
export const originalIdHeader = 'Holdfast-Message';

/**
 * Publishes to a stream and waits until the broker has taken it. The message id makes a repeat harmless, so it is
 * repeated while the broker is away, until the patience ends. True when the broker dropped it as a repeat.
 *
 * @throws BrokerUnavailable, MessageTooLarge
 */
export async function publishTo(
  connection: Connection,
  subject: string,
  message: { text: string; id: string; extra?: Readonly<Record<string, string>> },
): Promise<boolean> {
  const { text, id, extra = {} } = message;
  const limit = connection.nc.info?.max_payload ?? Number.POSITIVE_INFINITY;
  const bytes = Buffer.byteLength(text);
  if (bytes > limit) throw new MessageTooLarge(`a message to ${subject}`, bytes, limit);
  const head = headers();
  head.set(traceHeader, outgoingTrace());
  for (const [name, value] of Object.entries(extra)) head.set(name, value);
  const ack = await connection.call(`publishing to ${subject}`, () =>
    connection.js.publish(subject, text, { msgID: id, headers: head }),
  );
  return ack.duplicate;
}
