import { type ErrorFacts, errorFacts, parseEvent } from '@holdfast/contracts';
import type { Log } from './log.ts';
import { growingPause, pause, pauseAfter } from './pauses.ts';
import type { EventConsumerOptions, Running } from './ports.ts';
import type { TaskMessage } from './taskRunner.ts';
import { withinTrace } from './trace.ts';

/** Where the events of one filter come from: JetStream, or the memory twin. */
export interface EventSource {
  /**
   * Hands over events until `stopping` is aborted or the wait is over; resolves when all that it handed over are
   * settled by `settle`, which never rejects.
   */
  deliver(settle: (message: TaskMessage) => Promise<void>, stopping: AbortSignal): Promise<void>;
  keepDead(message: TaskMessage, error: ErrorFacts): Promise<void>;
}

export const eventRetryAfterMs = [1000, 2000, 5000, 15_000, 60_000] as const;
const defaultMaxDeliver = 20;

/** Hands the events of one filter to the handler, one after the other, until stopped. */
export function runEvents(source: EventSource, options: EventConsumerOptions, log: Log): Running {
  const stopping = new AbortController();
  const maxDeliver = options.maxDeliver ?? defaultMaxDeliver;
  const retryAfterMs = options.retryAfterMs ?? eventRetryAfterMs;
  const place = { durable: options.durable };

  async function settle(message: TaskMessage): Promise<void> {
    if (stopping.signal.aborted) return message.nak(0);
    try {
      await withinTrace(message.trace, () => settleOne(message));
    } catch (error) {
      log.error({ error, event: message.id, ...place }, 'an event could not be settled');
      message.nak(pauseAfter(message.attempt, retryAfterMs));
    }
  }

  async function settleOne(message: TaskMessage): Promise<void> {
    const read = readEvent(message.text);
    if ('error' in read) return await giveUp(message, read.raw, read.error);
    const { attempt } = message;
    if (attempt > maxDeliver) return await giveUp(message, read.event, unreported(attempt));
    try {
      const last = attempt >= maxDeliver;
      const delivery = { attempt, last, messageId: message.id, stopping: stopping.signal };
      await options.handle(read.event, delivery);
      message.ack();
    } catch (error) {
      log.warn({ error, event: message.id, attempt, ...place }, 'an event could not be handled');
      if (attempt >= maxDeliver) return await giveUp(message, read.event, errorFacts(error));
      message.nak(pauseAfter(attempt, retryAfterMs));
    }
  }

  /** Throws when it could not be reported: then it is delivered again and reported then. */
  async function giveUp(message: TaskMessage, event: unknown, error: ErrorFacts): Promise<void> {
    await source.keepDead(message, error);
    await options.onDead?.(event, error);
    log.error(
      { event: message.id, reason: error, text: message.text.slice(0, 500), ...place },
      'event given up',
    );
    message.term();
  }

  async function loop(): Promise<void> {
    const pauses = growingPause(100, 5000);
    while (!stopping.signal.aborted) {
      try {
        await source.deliver(settle, stopping.signal);
        pauses.reset();
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn({ error, ...place }, 'events cannot be taken now');
        await pause(pauses.next(), stopping.signal);
      }
    }
  }

  const looping = loop();
  return {
    async stop() {
      stopping.abort();
      await looping;
    },
  };
}

type Read = { event: ReturnType<typeof parseEvent> } | { error: ErrorFacts; raw: unknown };

function readEvent(text: string): Read {
  let raw: unknown = text;
  try {
    raw = JSON.parse(text);
    return { event: parseEvent(raw) };
  } catch (error) {
    const message = `the event cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    const remedy = 'It was kept in the bucket `parked`. Run the same release everywhere, or report this.';
    return { raw, error: { code: 'unreadable-message', errorClass: 'ours', message, remedy } };
  }
}

const unreported = (deliveries: number): ErrorFacts => ({
  code: 'event-abandoned',
  errorClass: 'transient',
  message: `its handler ended in each of ${deliveries - 1} deliveries, or did not report the last one`,
  remedy: 'Look for the end of the process (memory, restarts) in its log.',
});
