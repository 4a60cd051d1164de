import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { createInbox, nanos } from '@nats-io/transport-node';

/** How a pull ended: all that was asked for came, the time is over, or nobody answers (consumer or stream is gone). */
export type PullEnd = 'complete' | 'expired' | 'missing';

export interface Pull {
  ended: Promise<PullEnd>;
  /** Withdraws the request; messages that are on their way still arrive before `ended`. */
  cancel(): void;
}

/** The broker says that a request is over this much later than asked at the latest; after that nobody is there. */
const graceMs = 2000;
const statusOf = (message: Msg): number | undefined => message.headers?.code || undefined;

/**
 * Asks a durable consumer for up to `batch` messages and waits for at most `expiresMs`. A server before 2.10 says
 * nothing at all when the consumer is missing, so silence beyond the time means `missing`.
 */
export function pull(
  nc: NatsConnection,
  source: { stream: string; durable: string },
  request: { batch: number; expiresMs: number },
  onMessage: (message: Msg) => void,
): Pull {
  const inbox = createInbox();
  let received = 0;
  let finish: (end: PullEnd) => void = () => undefined;
  const ended = new Promise<PullEnd>((resolve) => {
    finish = resolve;
  });
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return end('missing');
      const status = statusOf(message);
      if (status === undefined) {
        received += 1;
        onMessage(message);
        if (received >= request.batch) end('complete');
      } else if (status === 503 || (status === 409 && /consumer deleted|stream/i.test(describe(message)))) {
        end('missing');
      } else if (status === 404 || status === 408 || status === 409) {
        end('expired');
      }
    },
  });
  const silence = setTimeout(() => end('missing'), request.expiresMs + graceMs);
  function end(how: PullEnd): void {
    clearTimeout(silence);
    subscription.unsubscribe();
    finish(how);
  }
  nc.publish(
    `$JS.API.CONSUMER.MSG.NEXT.${source.stream}.${source.durable}`,
    JSON.stringify({ batch: request.batch, expires: nanos(request.expiresMs) }),
    { reply: inbox },
  );
  return {
    ended,
    cancel() {
      // A plain unsubscribe would drop messages in flight, and they would come again only after the ack wait.
      subscription.drain().then(
        () => end('expired'),
        () => end('missing'),
      );
    },
  };
}

const describe = (message: Msg): string => message.headers?.description ?? '';
