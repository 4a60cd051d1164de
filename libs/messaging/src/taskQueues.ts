import { type TaskKind, taskSubject } from '@holdfast/contracts';
import { AckPolicy, type ConsumerConfig } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { isMissing } from './brokerErrors.ts';
import type { Connection } from './connection.ts';
import { delivered } from './deliveredMessage.ts';
import { ensureConsumer, unless } from './durableConsumer.ts';
import type { Log } from './log.ts';
import { type Names, taskConsumerName } from './names.ts';
import type { Parked } from './parked.ts';
import { pause } from './pauses.ts';
import type { Messaging, Running, TaskConsumerOptions } from './ports.ts';
import { attemptsHeader, originalIdHeader, publishTo } from './publisher.ts';
import { pull } from './pull.ts';
import { runTasks, type TaskSource } from './taskRunner.ts';

/** A slot is held while looking, so a look is short; new tasks announce themselves (see `announce`). */
const lookMs = 25;
/** A run's consumer that nobody uses is removed by the broker: longer than workers go on without the scheduler. */
const forgottenAfterMs = 3 * 24 * 60 * 60 * 1000;

export interface TaskQueues
  extends Pick<
    Messaging,
    'publishTask' | 'ensureTaskConsumer' | 'removeTasks' | 'pendingTasks' | 'consumeTasks'
  > {}

export function createTaskQueues(parts: {
  connection: Connection;
  names: Names;
  parked: Parked;
  log: Log;
  ackWaitMs: number;
}): TaskQueues {
  const { connection, names, parked, log, ackWaitMs } = parts;
  const subjectOf = (kind: TaskKind, pool: string, owner: string) =>
    names.subject(taskSubject(kind, pool, owner));
  const wakeSubject = (kind: TaskKind, pool: string) => names.subject(`wake.${kind}.${pool}`);
  const announce = announcer(connection);

  type QueueOptions = Parameters<Messaging['ensureTaskConsumer']>[0];

  function configOf({ kind, pool, owner, maxAckPending }: QueueOptions): Partial<ConsumerConfig> {
    return {
      durable_name: taskConsumerName(kind, pool, owner),
      filter_subject: subjectOf(kind, pool, owner),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: maxAckPending,
      // Attempts are counted by the worker, see runTasks.
      max_deliver: -1,
      inactive_threshold: nanos(forgottenAfterMs),
    };
  }

  const ensureTaskConsumer = (options: QueueOptions): Promise<void> =>
    connection.call('making a task queue', () =>
      ensureConsumer(connection.jsm, names.tasks, configOf(options)),
    );

  function sourceOf<T>(options: TaskConsumerOptions<T>): TaskSource & Running {
    const { kind, pool, owner } = options;
    const from = { stream: names.tasks, durable: taskConsumerName(kind, pool, owner) };
    const bell = createBell(connection, wakeSubject(kind, pool));
    // Old servers are silent about a missing consumer, so after each comeback it is looked after first.
    let unsure = false;
    const deaf = connection.onComeback(() => {
      unsure = true;
    });
    return {
      async take(most, onTask) {
        if (!connection.ready) return;
        if (unsure) await ensureTaskConsumer(options);
        unsure = false;
        const request = { batch: most, expiresMs: lookMs };
        const end = await pull(connection.nc, from, request, (message) => onTask(delivered(message))).ended;
        // Lost with the broker's storage, or removed because nobody used it.
        if (end === 'missing' && connection.ready) await ensureTaskConsumer(options);
      },
      hint: (withinMs, signal) => bell.rung(withinMs, signal),
      async repost(message, attempts) {
        const extra = { [attemptsHeader]: String(attempts), [originalIdHeader]: message.id };
        // The same id for the same delivery: a crash before the ack makes no second copy.
        const copy = { text: message.text, id: `${message.id}~${message.sequence}`, extra };
        await publishTo(connection, message.subject, copy);
        message.ack();
        announce(wakeSubject(kind, pool));
      },
      keepUnreadable: (message, error) => parked.keep(message, error),
      async stop() {
        deaf();
        await bell.stop();
      },
    };
  }

  return {
    async publishTask(kind, pool, owner, task, messageId) {
      await publishTo(connection, subjectOf(kind, pool, owner), {
        text: JSON.stringify(task),
        id: messageId,
      });
      announce(wakeSubject(kind, pool));
    },
    ensureTaskConsumer,
    async removeTasks(kind, pool, owner) {
      await connection.call('removing a task queue', async () => {
        await connection.jsm.consumers
          .delete(names.tasks, taskConsumerName(kind, pool, owner))
          .catch(unless(isMissing));
        await connection.jsm.streams.purge(names.tasks, { filter: subjectOf(kind, pool, owner) });
      });
    },
    async pendingTasks(kind, pool, owner) {
      const subject = subjectOf(kind, pool, owner);
      const info = await connection.call('counting tasks', () =>
        connection.jsm.streams.info(names.tasks, { subjects_filter: subject }),
      );
      return Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    },
    async consumeTasks(options) {
      await ensureTaskConsumer(options);
      const source = sourceOf(options);
      const running = runTasks(source, options, { log, keepAliveMs: Math.floor(ackWaitMs / 3) });
      return {
        async stop() {
          await running.stop();
          await source.stop();
        },
      };
    },
  };
}

const announceEveryMs = 20;

/** Tells idle workers over plain NATS that tasks have come: the first at once, those soon after it together. */
function announcer(connection: Connection): (subject: string) => void {
  const lately = new Map<string, { more: boolean }>();
  function tell(subject: string): void {
    if (connection.ready) connection.nc.publish(subject);
    const since = { more: false };
    lately.set(subject, since);
    const timer = setTimeout(() => {
      lately.delete(subject);
      if (since.more) tell(subject);
    }, announceEveryMs);
    timer.unref();
  }
  return (subject) => {
    const since = lately.get(subject);
    if (since === undefined) tell(subject);
    else since.more = true;
  };
}

/** Rings when tasks are announced or the broker has come back. */
function createBell(connection: Connection, subject: string) {
  let ring = new AbortController();
  const strike = () => {
    ring.abort();
    ring = new AbortController();
  };
  const subscription = connection.nc.subscribe(subject, { callback: strike });
  const deaf = connection.onComeback(strike);
  return {
    rung: (withinMs: number, signal: AbortSignal) => pause(withinMs, signal, ring.signal),
    async stop() {
      deaf();
      subscription.unsubscribe();
    },
  };
}
