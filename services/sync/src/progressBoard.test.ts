import { buckets, progressSchema } from '@holdfast/contracts';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { silentLogger } from '@holdfast/runtime';
import { fakeClock } from '@holdfast/testing';
import { afterEach, expect, test } from '@jest/globals';
import type { MailboxWork } from './domain/mailboxWork.ts';
import { openProgressBoard } from './progressBoard.ts';

const work = {
  totals: { itemsNew: 3, itemsChanged: 2, itemsRemoved: 1 },
  reported: new Map([['inbox', 10]]),
  plan: { kind: 'initial' },
  reader: { statistics: { bytesRead: 700 } },
} as unknown as MailboxWork;

const open: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

async function boardOf(mailboxes: number) {
  const messaging = memoryMessaging({ broker: memoryBroker() });
  open.push(messaging);
  const clock = fakeClock();
  const board = await openProgressBoard(messaging, 'proxy-1', clock, silentLogger);
  const startedAt = clock.now();
  const bucket = await messaging.keyValue(buckets.progress, { parse: (json) => progressSchema.parse(json) });
  const tasks = Array.from({ length: mailboxes }, (_, n) => `task-${n}`);
  const tellAll = () => {
    for (const task of tasks) board.tell(task, `${task}@contoso.example`, work, startedAt);
  };
  const toldOf = async () =>
    (await Promise.all(tasks.map((task) => bucket.get(task)))).filter(Boolean).length;
  return { board, bucket, clock, tellAll, toldOf };
}

test('a mailbox is told once a second, and not before it has worked that long', async () => {
  const { board, bucket, clock, tellAll, toldOf } = await boardOf(2);
  tellAll();
  expect(await toldOf()).toBe(0);
  await clock.advance(1000);
  tellAll();
  expect(await toldOf()).toBe(2);
  expect(await bucket.get('task-0')).toMatchObject({
    done: 6,
    total: 10,
    bytes: 700,
    phase: 'initial',
  });
  board.end('task-0');
  expect(await bucket.get('task-0')).toBeUndefined();
});

test('with many mailboxes at work each is told less often', async () => {
  const { clock, tellAll, toldOf } = await boardOf(32);
  tellAll();
  await clock.advance(3999);
  tellAll();
  expect(await toldOf()).toBe(0);
  await clock.advance(1);
  tellAll();
  expect(await toldOf()).toBe(32);
});

test('with hundreds of mailboxes at work each is still told long before its entry ends', async () => {
  const { clock, tellAll, toldOf } = await boardOf(400);
  tellAll();
  await clock.advance(9999);
  tellAll();
  expect(await toldOf()).toBe(0);
  await clock.advance(1);
  tellAll();
  expect(await toldOf()).toBe(400);
});
