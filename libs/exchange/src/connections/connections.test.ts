import { memoryMessaging } from '@holdfast/messaging/testing';
import { buildOrganization, fakeClock } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { memoryExchange } from '../testing/index.ts';
import { createConnectorCache } from './connectorCache.ts';
import { mailboxBudget } from './mailboxBudget.ts';

const { signal } = new AbortController();

describe('the budget of a mailbox', () => {
  const budgetOf = (messaging: ReturnType<typeof memoryMessaging>, clock = fakeClock()) =>
    mailboxBudget({
      ...{ messaging, owner: 'w', clock, random: { next: () => 0.5 } },
      settings: { capacity: 4, reserved: 1 },
    });

  test('P9: backups together never get the share that is kept for restores', async () => {
    const messaging = memoryMessaging();
    const budget = budgetOf(messaging);
    const backup = await budget.acquire('app.user', 'backup', signal);
    expect(backup.concurrency).toBe(3);
    const restore = await budget.acquire('app.user', 'restore', signal);
    expect(restore.concurrency).toBe(1);
    await backup.release();
    await restore.release();
    await messaging.close();
  });

  test('who finds none waits until one is given back', async () => {
    const messaging = memoryMessaging();
    const clock = fakeClock();
    const budget = budgetOf(messaging, clock);
    const first = await budget.acquire('app.user', 'backup', signal);
    let got = false;
    const second = budget.acquire('app.user', 'backup', signal).then((grant) => {
      got = true;
      return grant;
    });
    await clock.advance(5000);
    expect(got).toBe(false);
    await first.release();
    await clock.advance(5000);
    await (await second).release();
    await messaging.close();
  });

  test('waiting ends with its signal', async () => {
    const messaging = memoryMessaging();
    const clock = fakeClock();
    const budget = budgetOf(messaging, clock);
    const held = await budget.acquire('app.user', 'backup', signal);
    const abort = new AbortController();
    const waiting = budget.acquire('app.user', 'backup', abort.signal);
    const refused = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await clock.advance(10);
    abort.abort();
    await refused;
    await held.release();
    await messaging.close();
  });
});

describe('connectors', () => {
  test('are shared by organization, opened anew when the connection changed, and closed when unused', async () => {
    const closed: string[] = [];
    let opened = 0;
    const cache = createConnectorCache(() => {
      const name = `connector-${++opened}`;
      return Object.assign(memoryExchange(), { close: async () => void closed.push(name) });
    });
    const first = cache.use(buildOrganization());
    const same = cache.use(buildOrganization({ name: 'Renamed' }));
    expect(same.connector).toBe(first.connector);
    const changed = cache.use(buildOrganization({ clientId: 'another' }));
    expect(changed.connector).not.toBe(first.connector);
    await first.release();
    await first.release();
    expect(closed).toEqual([]);
    await same.release();
    expect(closed).toEqual(['connector-1']);
    await changed.release();
    await cache.close();
    expect(closed).toEqual(['connector-1', 'connector-2']);
  });
});
