import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Messaging } from '../ports.ts';
import { eventually, parseNumbered, proxyOnline, publishNumbers, taskOptions } from './contractFixture.ts';
import { type MemoryBroker, memoryBroker } from './memoryBroker.ts';
import { memoryMessaging } from './memoryMessaging.ts';
import { subjectMatches } from './memoryQueue.ts';

describe('the memory broker as tests of services use it', () => {
  let broker: MemoryBroker;
  let messaging: Messaging;
  const done: number[] = [];
  beforeEach(async () => {
    broker = memoryBroker();
    messaging = memoryMessaging({ broker, leaseTtlMs: 300 });
    done.length = 0;
    await messaging.consumeTasks(
      taskOptions({
        handle: async ({ n }) => {
          done.push(n);
          return { kind: 'done' };
        },
      }),
    );
  });
  afterEach(() => messaging.close());

  test('while it is down calls throw BrokerUnavailable; when it is up again work goes on', async () => {
    broker.goDown();
    expect(messaging.connected).toBe(false);
    const unavailable = { code: 'broker-unavailable', errorClass: 'transient' };
    await expect(messaging.publishEvent(proxyOnline('a'))).rejects.toMatchObject(unavailable);
    await expect(publishNumbers(messaging, 1)).rejects.toMatchObject(unavailable);
    await expect(messaging.acquireLease('k', 'me')).rejects.toMatchObject(unavailable);
    await expect(messaging.ask('ask.x', 1, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'no-answer' });
    broker.comeUp();
    await publishNumbers(messaging, 1);
    await eventually('the task is done', () => done.length === 1);
  });

  test('wiped it has lost tasks and values, tells so, and takes the same message ids again', async () => {
    let emptied = 0;
    messaging.onBrokerEmptied(() => {
      emptied += 1;
    });
    const values = await messaging.keyValue('v', { parse: parseNumbered });
    const seen: [string, number | undefined][] = [];
    await values.watch((key, value) => seen.push([key, value?.n]));
    await values.put('a', { n: 1 });
    await publishNumbers(messaging, 1);
    await eventually('the task is done', () => done.length === 1);
    broker.wipe();
    await eventually('the watcher knows', () => seen.length === 2);
    expect(seen).toEqual([
      ['a', 1],
      ['a', undefined],
    ]);
    expect(emptied).toBe(1);
    await publishNumbers(messaging, 1);
    await eventually('the task is done again', () => done.length === 2);
  });

  test('a holder that cannot renew loses its lease before its TTL has passed', async () => {
    const lease = await messaging.acquireLease('k', 'me');
    broker.goDown();
    let isOver = false;
    const over = setTimeout(() => {
      isOver = true;
    }, 300);
    const wasOver = await new Promise((resolve) => {
      lease?.lost.addEventListener('abort', () => resolve(isOver));
    });
    clearTimeout(over);
    expect(wasOver).toBe(false);
  });
});

test('filters match parts and rests as NATS does', () => {
  expect(subjectMatches('a.*.c', 'a.b.c')).toBe(true);
  expect(subjectMatches('a.*', 'a.b.c')).toBe(false);
  expect(subjectMatches('a.>', 'a.b.c')).toBe(true);
  expect(subjectMatches('a.>', 'a')).toBe(false);
  expect(subjectMatches('a.b', 'a.b')).toBe(true);
});
