import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createClock } from '../clock.ts';
import { GraphError } from '../graph/errors.ts';
import { defaultLimits } from '../options.ts';
import { openSession, type Session } from '../testing/session.ts';
import { Meter } from './meter.ts';

describe('the meter', () => {
  const start = (limits = defaultLimits()) => {
    let time = 1_000_000;
    const clock = createClock(() => time);
    return {
      meter: new Meter(limits, clock),
      limits,
      pass: (ms: number) => {
        time += ms;
      },
    };
  };
  const refusal = (run: () => unknown): GraphError | undefined => {
    try {
      run();
      return undefined;
    } catch (error) {
      if (error instanceof GraphError) return error;
      throw error;
    }
  };

  test('lets four requests in at once per application and mailbox, a fifth when one has ended', () => {
    const { meter } = start();
    const ends = [1, 2, 3, 4].map(() => meter.start('app', 'box', 0));
    expect(refusal(() => meter.start('app', 'box', 0))).toMatchObject({
      status: 429,
      code: 'ApplicationThrottled',
      message: 'Application is over its MailboxConcurrency limit.',
      headers: { 'retry-after': '10' },
    });
    expect(refusal(() => meter.start('app', 'other', 0))).toBeUndefined();
    expect(refusal(() => meter.start('another', 'box', 0))).toBeUndefined();
    ends[0]?.();
    ends[0]?.();
    expect(refusal(() => meter.start('app', 'box', 0))).toBeUndefined();
    expect(refusal(() => meter.start('app', 'box', 0))).toBeDefined();
    expect(meter.usage().find((one) => one.application === 'app' && one.mailbox === 'box')).toMatchObject({
      peakConcurrency: 4,
      throttled: 2,
    });
  });

  test('counts requests over a sliding window, refused ones too', () => {
    const { meter, pass } = start({ ...defaultLimits(), requests: 100 });
    for (let at = 0; at < 100; at++) meter.start('app', 'box', 0)();
    expect(refusal(() => meter.start('app', 'box', 0))?.message).toContain('RequestRate');
    pass(300_000);
    expect(refusal(() => meter.start('app', 'box', 0))).toBeDefined();
    pass(301_000);
    expect(refusal(() => meter.start('app', 'box', 0))).toBeUndefined();
  });

  test('counts uploaded bytes over theirs', () => {
    const { meter, pass } = start({ ...defaultLimits(), uploadBytes: 1000 });
    meter.start('app', 'box', 900)();
    expect(refusal(() => meter.start('app', 'box', 200))?.message).toContain('IncomingBytes');
    expect(refusal(() => meter.start('app', 'box', 0))).toBeUndefined();
    pass(301_000);
    expect(refusal(() => meter.start('app', 'box', 900))).toBeUndefined();
  });

  test.each([
    [10, '10'],
    [2.128, '2.128'],
    ['missing' as const, undefined],
  ])('sends Retry-After %s', (retryAfter, expected) => {
    const { meter } = start({ ...defaultLimits(), requests: 0, retryAfter });
    expect(refusal(() => meter.start('app', 'box', 0))?.headers['retry-after']).toBe(expected);
  });

  test('refuses nothing when it is switched off', () => {
    const { meter } = start({ ...defaultLimits(), enabled: false, requests: 0, concurrency: 0 });
    expect(refusal(() => meter.start('app', 'box', 1e12))).toBeUndefined();
  });
});

describe('over the wire', () => {
  let session: Session;
  beforeEach(async () => {
    session = await openSession({ mailboxes: 2 });
  });
  afterEach(() => session.close());

  /** Resolves when so many requests wait in the simulator. */
  async function held(count: number): Promise<void> {
    while ((await session.control.held()) < count) await new Promise((resolve) => setImmediate(resolve));
  }

  test('a fifth parallel request on a mailbox is refused, on two mailboxes eight pass', async () => {
    const [one, two] = session.users;
    await session.control.addFault({ action: { type: 'hold' } });
    const many = (user: string, count: number) =>
      Array.from({ length: count }, () => session.get(`/users/${user}/mailFolders/inbox`));
    const first = many(one!, 4);
    await held(4);
    const fifth = await session.get(`/users/${one}/mailFolders/inbox`);
    expect([fifth.status, fifth.json.error.code]).toEqual([429, 'ApplicationThrottled']);
    const second = many(two!, 4);
    await held(8);
    expect(await session.control.releaseHeld()).toBe(8);
    expect((await Promise.all([...first, ...second])).every((answer) => answer.status === 200)).toBe(true);
    const statistics = await session.control.statistics();
    expect(statistics).toMatchObject({
      throttled: 1,
      byKind: { 'folder.get': 9 },
      byStatus: { 200: 8, 429: 1 },
    });
    expect(statistics.byMailbox[one!]).toBe(5);
    expect(Math.max(...statistics.usage.map((usage) => usage.peakConcurrency))).toBe(4);
    await session.control.resetStatistics();
    expect((await session.control.statistics()).requests).toBe(0);
  });

  test('uploads count by their bytes, until the clock has passed the window', async () => {
    await session.control.setLimits({ uploadBytes: 2000 });
    const post = () =>
      session.post(`/users/${session.users[0]}/mailFolders/inbox/messages`, { subject: 'x'.repeat(1500) });
    expect((await post()).status).toBe(201);
    const refused = await post();
    expect([refused.status, refused.json.error.message]).toEqual([
      429,
      'Application is over its IncomingBytes limit.',
    ]);
    expect(refused.headers.get('retry-after')).toBe('10');
    await session.control.advanceClock(301_000);
    expect((await post()).status).toBe(201);
  });
});
