import { fakeClock } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { testGrant } from '../testing/scriptedTransport.ts';
import { MailboxGate, type MailboxLimits, newMeters } from './mailboxGate.ts';
import { newStatistics } from './statistics.ts';

const wide: MailboxLimits = {
  requests: { limit: 1_000, windowMs: 600_000 },
  uploadBytes: { limit: 1_000_000, windowMs: 300_000 },
};

function gate(options: { concurrency?: number; limits?: MailboxLimits } = {}) {
  const clock = fakeClock();
  const grant = testGrant(options.concurrency);
  const statistics = newStatistics();
  const stop = new AbortController();
  const meters = newMeters(options.limits ?? wide);
  const random = { next: () => 0 };
  const signal = AbortSignal.any([stop.signal, grant.lost]);
  return {
    clock,
    grant,
    statistics,
    stop,
    gate: new MailboxGate({ grant, meters, clock, random, statistics, signal }),
  };
}
const one = { parts: 1, slots: 1, uploadBytes: 0 };

describe('the way in to a mailbox', () => {
  test('a fence holds every request until it ends, and the standstill is counted once', async () => {
    const { gate: g, clock, grant, statistics } = gate();
    await g.pause(2_000);
    expect(grant.fences).toEqual([clock.now() + 2_000]);
    let entered = 0;
    const all = [1, 2, 3].map(() =>
      g.enter(one).then((leave) => {
        entered++;
        leave();
      }),
    );
    await clock.advance(1_999);
    expect(entered).toBe(0);
    await clock.advance(1);
    await Promise.all(all);
    expect(entered).toBe(3);
    expect(statistics.throttledMs).toBe(2_000);
  });

  test('a fence that is moved on while we wait is obeyed', async () => {
    const { gate: g, clock } = gate();
    await g.pause(1_000);
    let entered = false;
    const entering = g.enter(one).then(() => {
      entered = true;
    });
    await clock.advance(500);
    await g.pause(2_000);
    await clock.advance(600);
    expect(entered).toBe(false);
    await clock.advance(2_000);
    await entering;
  });

  test('an earlier end does not shorten a fence', async () => {
    const { gate: g, grant } = gate();
    await g.pause(5_000);
    await g.pause(1_000);
    expect(grant.fences).toHaveLength(1);
  });

  test('no more requests at a time than the grant allows; a batch takes all slots', async () => {
    const { gate: g, clock } = gate({ concurrency: 2 });
    const leave = await g.enter(one);
    let batch = false;
    const entering = g.enter({ parts: 16, slots: 4, uploadBytes: 0 }).then((done) => {
      batch = true;
      done();
    });
    await clock.advance(0);
    expect(batch).toBe(false);
    leave();
    await entering;
  });

  test('requests and upload bytes beyond their windows wait', async () => {
    const limits: MailboxLimits = {
      requests: { limit: 2, windowMs: 12_000 },
      uploadBytes: { limit: 100, windowMs: 12_000 },
    };
    const { gate: g, clock, statistics } = gate({ limits });
    (await g.enter({ ...one, uploadBytes: 90 }))();
    let entered = false;
    const entering = g.enter({ ...one, uploadBytes: 20 }).then((leave) => {
      entered = true;
      leave();
    });
    await clock.advance(11_000);
    expect(entered).toBe(false);
    await clock.advance(2_000);
    await entering;
    expect(statistics.throttledMs).toBeGreaterThanOrEqual(12_000);
  });

  test('when the lease on the budget is lost, nobody gets in any more and waiting ends', async () => {
    const { gate: g, grant } = gate();
    await g.pause(60_000);
    const entering = g.enter(one);
    grant.lose();
    await expect(entering).rejects.toMatchObject({ code: 'budget-lost', errorClass: 'transient' });
    await expect(g.enter(one)).rejects.toMatchObject({ code: 'budget-lost' });
  });

  test('a lost lease is told as such also to those that wait for a slot', async () => {
    const { gate: g, grant } = gate({ concurrency: 1 });
    await g.enter(one);
    const second = g.enter(one);
    grant.lose();
    await expect(second).rejects.toMatchObject({ code: 'budget-lost' });
  });

  test('a stop ends the waiting and gives the slot back', async () => {
    const { gate: g, stop } = gate({ concurrency: 1 });
    await g.pause(60_000);
    const entering = g.enter(one);
    stop.abort(new Error('stopped'));
    await expect(entering).rejects.toThrow('stopped');
  });
});
