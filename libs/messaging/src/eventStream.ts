import { eventSubject, parseEvent } from '@holdfast/contracts';
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Connection } from './connection.ts';
import { delivered } from './deliveredMessage.ts';
import { ensureConsumer } from './durableConsumer.ts';
import { type EventSource, runEvents } from './eventRunner.ts';
import type { Log } from './log.ts';
import { eventConsumerName, type Names } from './names.ts';
import type { Parked } from './parked.ts';
import type { EventConsumerOptions, Messaging, Running } from './ports.ts';
import { publishTo } from './publisher.ts';
import { pull } from './pull.ts';
import { recentIds } from './recentIds.ts';
import type { TaskMessage } from './taskRunner.ts';

/** Events taken at once; those that wait for their turn are kept alive. */
const batch = 32;
const waitMs = 5000;

export interface EventStream extends Pick<Messaging, 'publishEvent' | 'consumeEvents' | 'tailEvents'> {}

export function createEventStream(parts: {
  connection: Connection;
  names: Names;
  parked: Parked;
  log: Log;
  ackWaitMs: number;
}): EventStream {
  const { connection, names, parked, log, ackWaitMs } = parts;

  function sourceOf(
    options: EventConsumerOptions,
    filter: string,
  ): EventSource & { ensure(): Promise<void> } {
    const from = { stream: names.events, durable: eventConsumerName(options.durable, filter) };
    const config: Partial<ConsumerConfig> = {
      durable_name: from.durable,
      filter_subject: names.subject(filter),
      deliver_policy: options.from === 'new' ? DeliverPolicy.New : DeliverPolicy.All,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: 1000,
      max_deliver: -1,
    };
    const ensure = () =>
      connection.call('making an event consumer', () => ensureConsumer(connection.jsm, names.events, config));
    // Old servers are silent about a missing consumer, so after each comeback it is looked after first. Made again
    // after the broker lost its storage, it starts with all that the stream still has.
    let unsure = false;
    return {
      ensure,
      keepDead: (message, error) => parked.keep(message, error),
      async deliver(settle, stopping) {
        await connection.whenReady();
        if (unsure) await ensure();
        unsure = false;
        const queue = createQueue(settle, Math.floor(ackWaitMs / 3));
        const look = pull(connection.nc, from, { batch, expiresMs: waitMs }, (m) => queue.add(delivered(m)));
        const away = connection.onComeback(() => {
          unsure = true;
          look.cancel();
        });
        stopping.addEventListener('abort', look.cancel, { once: true });
        if (stopping.aborted) look.cancel();
        const end = await look.ended;
        stopping.removeEventListener('abort', look.cancel);
        away();
        await queue.settled();
        unsure ||= end === 'missing';
      },
    };
  }

  return {
    async publishEvent(event) {
      const subject = names.subject(eventSubject(event));
      await publishTo(connection, subject, { text: JSON.stringify(event), id: event.id });
    },
    async consumeEvents(options) {
      const sources = options.filters.map((filter) => sourceOf(options, filter));
      for (const source of sources) await source.ensure();
      const running = sources.map((source) => runEvents(source, options, log));
      return { stop: async () => void (await Promise.all(running.map((one) => one.stop()))) };
    },
    async tailEvents(filter, onEvent, { wanted = () => true } = {}): Promise<Running> {
      await connection.whenReady();
      // Plain NATS sees what is published to the stream, repeats included.
      const seen = recentIds(1000);
      const subscription = connection.nc.subscribe(names.subject(filter), {
        callback: (error, message) => {
          try {
            if (error) throw error;
            if (!wanted()) return;
            const event = parseEvent(message.json());
            if (seen.isNew(event.id)) onEvent(event);
          } catch (cause) {
            log.warn({ error: cause, subject: message?.subject }, 'an event could not be shown');
          }
        },
      });
      await connection.nc.flush();
      return { stop: async () => subscription.unsubscribe() };
    },
  };
}

/** Settles messages one after the other while keeping those that wait alive. */
function createQueue(settle: (message: TaskMessage) => Promise<void>, keepAliveMs: number) {
  const waiting = new Set<TaskMessage>();
  let last: Promise<void> = Promise.resolve();
  const keepAlive = setInterval(() => {
    for (const message of waiting) message.working();
  }, keepAliveMs);
  return {
    add(message: TaskMessage) {
      waiting.add(message);
      last = last.then(() => settle(message)).finally(() => waiting.delete(message));
    },
    async settled() {
      await last;
      clearInterval(keepAlive);
    },
  };
}
