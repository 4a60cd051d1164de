import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { afterAll, describe, expect, test } from '@jest/globals';
import { MailboxTaken } from '../errors.ts';
import { mailboxLease } from './mailboxLease.ts';

const broker = memoryBroker();
const messaging = memoryMessaging({ broker });
const other = memoryMessaging({ broker });

afterAll(() => Promise.all([messaging.close(), other.close()]));

describe('the lease of a mailbox', () => {
  test('is taken when it is asked for, once, and given back', async () => {
    const lease = mailboxLease(messaging, 'mailbox.a', 'task-1');
    const rival = await other.acquireLease('mailbox.a', 'task-2');
    expect(rival).toBeDefined();
    await rival?.release();
    await lease.take();
    await lease.take();
    expect(await other.acquireLease('mailbox.a', 'task-2')).toBeUndefined();
    expect([lease.refused, lease.lost.aborted]).toEqual([false, false]);
    await lease.release();
    expect(await other.acquireLease('mailbox.a', 'task-2')).toBeDefined();
  });

  test('that another worker has is refused, and can be asked for again', async () => {
    const rival = await other.acquireLease('mailbox.b', 'task-2');
    const lease = mailboxLease(messaging, 'mailbox.b', 'task-1');
    await expect(lease.take()).rejects.toBeInstanceOf(MailboxTaken);
    expect(lease.refused).toBe(true);
    await rival?.release();
    await lease.take();
    expect(lease.refused).toBe(false);
    await lease.release();
  });

  test('that was never taken is given back without a word', async () => {
    await mailboxLease(messaging, 'mailbox.c', 'task-1').release();
    expect(await other.acquireLease('mailbox.c', 'task-2')).toBeDefined();
  });

  test('tells when it is lost', async () => {
    const lost = new AbortController();
    const lease = mailboxLease(
      {
        acquireLease: async (key, owner) => ({
          key,
          owner,
          lost: lost.signal,
          release: async () => undefined,
        }),
      },
      'mailbox.d',
      'task-1',
    );
    await lease.take();
    lost.abort(new Error('it could not be renewed'));
    expect(lease.lost.reason).toEqual(new Error('it could not be renewed'));
  });
});
