import type { ErrorFacts } from '@holdfast/contracts';
import { createGate } from '../gate.ts';
import type { Delivery } from '../ports.ts';
import {
  door,
  eachBroker,
  eventually,
  type OpenBroker,
  outlastTimes,
  publishNumbers,
  taskOptions,
} from './contractFixture.ts';
import { jestGlobals } from './jestGlobals.ts';

/** What every broker must do with tasks. */
export function taskContract(open: OpenBroker): void {
  const { describe, expect, test } = jestGlobals();

  describe('tasks', () => {
    const { connect } = eachBroker(open);
    const pending = async (owner = 'run-1') => (await connect()).pendingTasks('sync', 'default', owner);

    test('a task sent before its consumer exists is worked on and leaves the queue', async () => {
      const messaging = await connect();
      await publishNumbers(messaging, 3);
      expect(await pending()).toBe(3);
      const done: number[] = [];
      await messaging.consumeTasks(
        taskOptions({ handle: async ({ n }) => ({ kind: done.push(n) > 0 ? 'done' : 'done' }) }),
      );
      await eventually('all done', () => done.length === 3);
      await eventually('the queue is empty', async () => (await pending()) === 0);
      expect(done.sort()).toEqual([0, 1, 2]);
    });

    test('a repeat of a message id is dropped', async () => {
      const messaging = await connect();
      await publishNumbers(messaging, 2);
      await publishNumbers(messaging, 2);
      expect(await pending()).toBe(2);
    });

    test('owners and pools are apart, and an owner `*` serves all of its pool', async () => {
      const messaging = await connect();
      const seen: string[] = [];
      await messaging.publishTask('restore', 'default', 'session-1', { n: 1 }, 'a');
      await messaging.publishTask('restore', 'default', 'session-2', { n: 2 }, 'b');
      await messaging.publishTask('restore', 'other', 'session-3', { n: 3 }, 'c');
      await publishNumbers(messaging, 1);
      await messaging.consumeTasks(
        taskOptions({
          kind: 'restore',
          owner: '*',
          handle: async (_task, { messageId }) => {
            seen.push(messageId);
            return { kind: 'done' };
          },
        }),
      );
      await eventually('both of the pool are done', () => seen.length === 2);
      expect(seen.sort()).toEqual(['a', 'b']);
      expect(await messaging.pendingTasks('restore', 'other', '*')).toBe(1);
      expect(await pending()).toBe(1);
    });

    test('never more are at work over all workers than the limit says, however many slots they have', async () => {
      const workers = [await connect('worker-1'), await connect('worker-2')];
      let busy = 0;
      let most = 0;
      let done = 0;
      const handle = async () => {
        busy += 1;
        most = Math.max(most, busy);
        await eventually('as many as may are at work', () => most >= 3);
        await new Promise((resolve) => setTimeout(resolve, 5));
        busy -= 1;
        done += 1;
        return { kind: 'done' } as const;
      };
      for (const worker of workers) {
        await worker.consumeTasks(taskOptions({ maxAckPending: 3, handle }));
      }
      await publishNumbers(workers[0]!, 40);
      await eventually('all done', () => done === 40);
      expect(most).toBe(3);
    });

    test('a worker takes no more than its gate has slots; the rest goes to the other one', async () => {
      const [slow, fast] = [await connect('slow'), await connect('fast')];
      const hold = door();
      const taken: Record<string, number> = { slow: 0, fast: 0 };
      await slow.consumeTasks(
        taskOptions({
          gate: createGate(2),
          handle: async () => {
            taken.slow! += 1;
            await hold.opened;
            return { kind: 'done' };
          },
        }),
      );
      await publishNumbers(slow, 10);
      await eventually('the slow one is full', () => taken.slow === 2);
      await fast.consumeTasks(
        taskOptions({
          handle: async () => {
            taken.fast! += 1;
            return { kind: 'done' };
          },
        }),
      );
      await eventually('the fast one did the rest', () => taken.fast === 8);
      expect(taken.slow).toBe(2);
      hold.open();
    });

    test('consumers that share a gate share its slots, none of them starves', async () => {
      const messaging = await connect();
      const gate = createGate(1);
      const order: string[] = [];
      await publishNumbers(messaging, 5, 'run-1');
      await publishNumbers(messaging, 5, 'run-2');
      for (const owner of ['run-1', 'run-2']) {
        const handle = async () => {
          order.push(owner);
          return { kind: 'done' } as const;
        };
        await messaging.consumeTasks(taskOptions({ owner, gate, handle }));
      }
      await eventually('all done', () => order.length === 10);
      expect(new Set(order.slice(0, 8)).size).toBe(2);
      await eventually('all slots are free between two looks', () => gate.busy === 0);
    });

    test('a handler that throws is tried again after a pause, told which attempt it is, and then parked', async () => {
      const messaging = await connect();
      const attempts: Pick<Delivery, 'attempt' | 'last' | 'messageId'>[] = [];
      const parked: [number, ErrorFacts][] = [];
      await messaging.consumeTasks(
        taskOptions({
          maxDeliver: 3,
          handle: async (_task, { attempt, last, messageId }) => {
            attempts.push({ attempt, last, messageId });
            throw new Error(`no luck at ${attempt}`);
          },
          onParked: async ({ n }, error) => void parked.push([n, error]),
        }),
      );
      await publishNumbers(messaging, 1);
      await eventually('parked', () => parked.length === 1);
      expect(attempts).toEqual([
        { attempt: 1, last: false, messageId: 'run-1.0' },
        { attempt: 2, last: false, messageId: 'run-1.0' },
        { attempt: 3, last: true, messageId: 'run-1.0' },
      ]);
      expect(parked[0]).toMatchObject([0, { code: 'unexpected', message: 'no luck at 3' }]);
      await eventually('it left the queue', async () => (await pending()) === 0);
    });

    test('a verdict `retry` comes again after its pause; one that succeeds then is not parked', async () => {
      const messaging = await connect();
      const times: number[] = [];
      let parked = 0;
      await messaging.consumeTasks(
        taskOptions({
          handle: async (_task, { attempt }) => {
            times.push(performance.now());
            return attempt === 1 ? { kind: 'retry', afterMs: 150 } : { kind: 'done' };
          },
          onParked: async () => {
            parked += 1;
          },
        }),
      );
      await publishNumbers(messaging, 1);
      await eventually('done', async () => times.length === 2 && (await pending()) === 0);
      expect(times[1]! - times[0]!).toBeGreaterThan(140);
      expect(parked).toBe(0);
    });

    test('a verdict `park` parks at once with its reason', async () => {
      const messaging = await connect();
      const parked: ErrorFacts[] = [];
      await messaging.consumeTasks(
        taskOptions({
          handle: async () => ({ kind: 'park', reason: 'mailbox is gone' }),
          onParked: async (_task, error) => void parked.push(error),
        }),
      );
      await publishNumbers(messaging, 1);
      await eventually('parked', async () => parked.length === 1 && (await pending()) === 0);
      expect(parked[0]).toMatchObject({ code: 'parked', message: 'mailbox is gone' });
    });

    test('`postpone` gives it back without counting the attempt, as often as it likes', async () => {
      const messaging = await connect();
      const attempts: number[] = [];
      await messaging.consumeTasks(
        taskOptions({
          maxDeliver: 2,
          handle: async (_task, { attempt, messageId }) => {
            expect(messageId).toBe('run-1.0');
            attempts.push(attempt);
            if (attempts.length === 2) throw new Error('this one counts');
            return attempts.length < 6 ? { kind: 'postpone', afterMs: 5 } : { kind: 'done' };
          },
        }),
      );
      await publishNumbers(messaging, 1);
      await eventually('done', async () => attempts.length === 6 && (await pending()) === 0);
      expect(attempts).toEqual([1, 1, 2, 2, 2, 2]);
    });

    test('a postponed task frees its slot while it waits', async () => {
      const messaging = await connect();
      const gate = createGate(1);
      const done: number[] = [];
      await messaging.consumeTasks(
        taskOptions({
          gate,
          handle: async ({ n }) => {
            if (n === 0) return { kind: 'postpone', afterMs: 60_000 };
            done.push(n);
            return { kind: 'done' };
          },
        }),
      );
      await publishNumbers(messaging, 3);
      await eventually('the others are done', () => done.length === 2);
      await eventually('all slots are free between two looks', () => gate.busy === 0);
      expect(await pending()).toBe(1);
    });

    test('a parking that cannot be reported is repeated until it is', async () => {
      const messaging = await connect();
      let tries = 0;
      await messaging.consumeTasks(
        taskOptions({
          handle: async () => ({ kind: 'park', reason: 'enough' }),
          onParked: async () => {
            tries += 1;
            if (tries < 3) throw new Error('the store is away');
          },
        }),
      );
      await publishNumbers(messaging, 1);
      await eventually('reported and gone', async () => tries === 3 && (await pending()) === 0);
    });

    test('a message that does not parse is reported and kept apart, the others go on', async () => {
      const messaging = await connect();
      const unreadable: string[] = [];
      const done: number[] = [];
      await messaging.publishTask('sync', 'default', 'run-1', { n: 'one' }, 'bad');
      await publishNumbers(messaging, 1);
      await messaging.consumeTasks(
        taskOptions({
          handle: async ({ n }) => {
            done.push(n);
            return { kind: 'done' };
          },
          onUnreadable: async (text, error) => void unreadable.push(`${error.code} ${text}`),
        }),
      );
      await eventually('both left the queue', async () => (await pending()) === 0);
      expect(unreadable).toEqual(['unreadable-message {"n":"one"}']);
      expect(done).toEqual([0]);
      const kept = await messaging.keyValue('parked', { parse: (json) => json as { text: string } });
      expect([...(await kept.all()).values()]).toMatchObject([{ id: 'bad', text: '{"n":"one"}' }]);
    });

    test('`stop` tells the handler, waits for it, and takes nothing more', async () => {
      const messaging = await connect();
      let stopped = false;
      let handled = 0;
      const consumer = await messaging.consumeTasks(
        taskOptions({
          gate: createGate(1),
          handle: (_task, { stopping }) =>
            new Promise((resolve) => {
              handled += 1;
              stopping.addEventListener('abort', () => {
                stopped = true;
                resolve({ kind: 'postpone', afterMs: 60_000 });
              });
            }),
        }),
      );
      await publishNumbers(messaging, 2);
      await eventually('one is at work', () => handled === 1);
      await consumer.stop();
      expect(stopped).toBe(true);
      expect(handled).toBe(1);
      expect(await pending()).toBe(2);
    });

    test('a long handler keeps its task alive beyond the ack wait', async () => {
      const [first, second] = [await connect('first'), await connect('second')];
      let deliveries = 0;
      const hold = door();
      const handle = async () => {
        deliveries += 1;
        await hold.opened;
        return { kind: 'done' } as const;
      };
      for (const worker of [first, second]) await worker.consumeTasks(taskOptions({ handle }));
      await publishNumbers(first, 1);
      await outlastTimes();
      expect(deliveries).toBe(1);
      hold.open();
      await eventually('done', async () => (await pending()) === 0);
    });

    test('removing tasks takes the queue and its consumer away; the same owner can begin anew', async () => {
      const messaging = await connect();
      await messaging.ensureTaskConsumer(taskOptions());
      await publishNumbers(messaging, 4);
      await messaging.removeTasks('sync', 'default', 'run-1');
      await messaging.removeTasks('sync', 'default', 'run-1');
      expect(await pending()).toBe(0);
      const done: number[] = [];
      await messaging.consumeTasks(
        taskOptions({
          handle: async ({ n }) => {
            done.push(n);
            return { kind: 'done' };
          },
        }),
      );
      await messaging.publishTask('sync', 'default', 'run-1', { n: 9 }, 'another');
      await eventually('done', () => done.length === 1);
      expect(done).toEqual([9]);
    });
  });
}
