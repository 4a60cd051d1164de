import type { ErrorFacts, Notification } from '@holdfast/contracts';
import { buildRestoreSession } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sampleJob, sampleMail, sampleRun } from '../testing/samples.ts';
import { claim, decideDelivery, giveUpAfterMs, pauseAfter, remainingRecipients } from './decideDelivery.ts';
import { planRestoreNotification, planRunNotification } from './planNotification.ts';

const now = '2026-11-22T01:30:00.000Z';
const nowMs = new Date(now).getTime();
const mail = sampleMail();
const settings = { id: 'global' as const, mail };
const planned = (recipients: string[]): Notification => ({
  id: 'run-report.run-1',
  kind: 'run-report',
  refersTo: 'run-1',
  recipients,
  subject: 'x',
  messageId: '<run-report.run-1@contoso.example>',
  state: 'pending',
  tries: 0,
  createdAt: now,
  nextTry: now,
});
const error: ErrorFacts = { code: 'mail-unreachable', errorClass: 'transient', message: 'refused' };

describe('what is to be reported', () => {
  test('goes to the global recipients and those of the job, each once, with a fixed Message-ID', () => {
    const job = sampleJob({ recipients: ['IT@contoso.example', 'boss@contoso.example'] });
    expect(planRunNotification(sampleRun(), job, settings, now)).toMatchObject({
      id: 'run-report.run-1',
      recipients: ['it@contoso.example', 'boss@contoso.example'],
      messageId: '<run-report.run-1@contoso.example>',
      state: 'pending',
      nextTry: now,
    });
  });

  test.each([
    ['there are no mail settings', undefined, 'mail-not-configured'],
    ['nobody is named', { ...settings, mail: { ...mail, recipients: [] } }, 'no-recipients'],
    ['this outcome is not wanted', { ...settings, mail: { ...mail, on: ['failed' as const] } }, 'not-wanted'],
  ])('is suppressed with a reason when %s', (_situation, given, code) => {
    const notification = planRunNotification(sampleRun(), sampleJob(), given, now);
    expect(notification).toMatchObject({ state: 'suppressed', error: { code, remedy: expect.any(String) } });
  });

  test('is nothing when a run was skipped', () => {
    expect(
      planRunNotification(sampleRun({ outcome: 'skipped' }), sampleJob(), settings, now),
    ).toBeUndefined();
  });

  test('a cancelled restore counts as stopped', () => {
    const given = { ...settings, mail: { ...mail, on: ['stopped' as const] } };
    expect(planRestoreNotification(buildRestoreSession({ state: 'cancelled' }), given, now).state).toBe(
      'pending',
    );
    expect(planRestoreNotification(buildRestoreSession({ state: 'success' }), given, now).state).toBe(
      'suppressed',
    );
  });
});

describe('a try', () => {
  test('is claimed before anything is sent, so that nobody else takes it', () => {
    const claimed = claim(planned(['a@x.example']), nowMs, 90_000);
    expect(claimed).toMatchObject({ tries: 1, nextTry: '2026-11-22T01:31:30.000Z' });
    if (claimed === undefined) throw new Error('not claimed');
    expect(claim(claimed, nowMs + 89_999, 90_000)).toBeUndefined();
    expect(claim(claimed, nowMs + 90_000, 90_000)?.tries).toBe(2);
  });

  test('is not made of what has ended', () => {
    expect(claim({ ...planned([]), state: 'sent' }, nowMs, 1)).toBeUndefined();
  });

  test('accepted for all: sent', () => {
    const notification = { ...planned(['a@x.example']), tries: 1, error };
    const after = decideDelivery(
      notification,
      { kind: 'answered', accepted: ['a@x.example'], refused: [] },
      nowMs,
    );
    expect(after).toMatchObject({ state: 'sent', sentAt: now, delivered: ['a@x.example'] });
    expect(after).not.toHaveProperty('error');
    expect(after).not.toHaveProperty('nextTry');
  });

  test('one refused for good, one accepted: sent, and the error names the refused one', () => {
    const refused = [{ recipient: 'b@x.example', reason: '550 no such user', isPermanent: true }];
    const after = decideDelivery(
      planned(['a@x.example', 'b@x.example']),
      { kind: 'answered', accepted: ['a@x.example'], refused },
      nowMs,
    );
    expect(after.state).toBe('sent');
    expect(after.error?.message).toBe('the mail server refused b@x.example (550 no such user)');
  });

  test('one greylisted, one accepted: tried again for the greylisted one only', () => {
    const refused = [{ recipient: 'b@x.example', reason: '451 later', isPermanent: false }];
    const given = { ...planned(['a@x.example', 'b@x.example']), tries: 1 };
    const after = decideDelivery(given, { kind: 'answered', accepted: ['a@x.example'], refused }, nowMs);
    expect(after).toMatchObject({ state: 'pending', nextTry: '2026-11-22T01:30:30.000Z' });
    expect(remainingRecipients(after)).toEqual(['b@x.example']);
  });

  test('refused for all for good: failed', () => {
    const refused = [{ recipient: 'a@x.example', reason: '550', isPermanent: true }];
    expect(
      decideDelivery(planned(['a@x.example']), { kind: 'answered', accepted: [], refused }, nowMs).state,
    ).toBe('failed');
  });

  test('the server is away: tried again with growing pauses until a day is over', () => {
    let notification = planned(['a@x.example']);
    let time = nowMs;
    let tries = 0;
    while (notification.state === 'pending') {
      const claimed = claim(notification, time, 90_000);
      if (claimed === undefined) throw new Error('not claimed');
      notification = decideDelivery(claimed, { kind: 'failed', error, isPermanent: false }, time);
      tries += 1;
      if (notification.nextTry !== undefined) time = new Date(notification.nextTry).getTime();
    }
    expect(notification).toMatchObject({ state: 'failed', error });
    expect(time - nowMs).toBeLessThanOrEqual(giveUpAfterMs);
    expect(time - nowMs).toBeGreaterThan(giveUpAfterMs - 3_600_000);
    expect(tries).toBeGreaterThan(25);
    expect(tries).toBeLessThan(40);
  });

  test('a day is over and somebody has it: it counts as sent, and the error stays', () => {
    const given = { ...planned(['a@x.example', 'b@x.example']), delivered: ['a@x.example'], tries: 30 };
    const after = decideDelivery(given, { kind: 'failed', error, isPermanent: false }, nowMs + giveUpAfterMs);
    expect(after).toMatchObject({ state: 'sent', error });
  });

  test('pauses never shrink and never pass an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), (tries) => {
        expect(pauseAfter(tries)).toBeLessThanOrEqual(3_600_000);
        expect(pauseAfter(tries + 1)).toBeGreaterThanOrEqual(pauseAfter(tries));
      }),
    );
  });
});
