import { mailboxBudget } from '@holdfast/exchange';
import { memoryMessaging } from '@holdfast/messaging/testing';
import { systemClock, systemRandom } from '@holdfast/runtime';
import { afterEach, expect, jest, test } from '@jest/globals';
import { signal, tenantWith } from './exchange.support.ts';
import { type RestoreBench, startRestoreBench } from './restore.support.ts';

jest.setTimeout(120_000);

let bench: RestoreBench | undefined;
afterEach(async () => {
  await bench?.stop();
  bench = undefined;
});

test('P9: a restore beside a reader of the same mailbox keeps the limits: nothing is ever refused', async () => {
  const messaging = memoryMessaging();
  const budget = mailboxBudget({
    ...{ messaging, owner: 'test', clock: systemClock, random: systemRandom },
    settings: { capacity: 4, reserved: 1 },
  });
  const uploadBytes = 150_000;
  // The service's windows are shorter than ours, so that a slow machine cannot push two of ours into one of its.
  bench = await startRestoreBench(
    {
      ...tenantWith({ mailboxes: 1, messagesPerMailbox: 200, profile: 'small' }),
      limits: {
        uploadBytes,
        uploadWindowMs: 1_000,
        requests: 400,
        requestWindowMs: 1_000,
        latencyMs: [0, 4],
      },
    },
    {
      budget,
      limits: {
        uploadBytes: { limit: uploadBytes, windowMs: 2_500 },
        requests: { limit: 400, windowMs: 2_500 },
      },
    },
  );
  const [user = ''] = bench.users;
  const point = await bench.backUp(user);
  await bench.control.resetStatistics();

  const reading = new AbortController();
  const reader = await bench.connector.reader({ userId: user, address: '' }, { signal });
  const readOn = async () => {
    while (!reading.signal.aborted) await reader.folders();
  };
  const background = readOn();
  const { session } = await bench.restore(user, point, {}, { part: { targetFolder: ['Restored'] } });
  reading.abort();
  await background;
  await reader.close();

  expect(session).toMatchObject({ state: 'success', progress: { created: 200, different: 0 } });
  const { usage, bytesReceived } = await bench.control.statistics();
  // More than one window's worth went up, so the limit was met and kept.
  expect(bytesReceived).toBeGreaterThan(uploadBytes * 1.5);
  expect(session.progress.throttledSeconds).toBeGreaterThan(0);
  expect(usage.map(({ throttled }) => throttled)).toEqual([0]);
  expect(usage[0]?.peakConcurrency).toBeLessThanOrEqual(4);
  await messaging.close();
});

test('P9: a target that throttles is waited for, and each item comes back once', async () => {
  bench = await startRestoreBench({
    ...tenantWith({ mailboxes: 1, messagesPerMailbox: 60, profile: 'small' }),
    limits: { retryAfter: 0.05 },
  });
  const [user = ''] = bench.users;
  const point = await bench.backUp(user);
  await bench.control.addFault({
    ...{ method: 'POST', path: '/messages$', probability: 0.3 },
    action: { type: 'status', status: 429, code: 'ApplicationThrottled', retryAfter: '0.05' },
  });
  const { session, ledger } = await bench.restore(user, point, {}, { part: { targetFolder: ['Restored'] } });
  expect(session).toMatchObject({ state: 'success', progress: { created: 60, different: 0 } });
  expect(ledger).toHaveLength(60);
  const back = (await bench.messages(user)).filter(({ folderPath }) => folderPath.startsWith('Restored\t'));
  expect(back).toHaveLength(60);
});
