import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { ExchangeClock } from '../ports.ts';
import { OutageBreaker } from './outageBreaker.ts';

const settings = { errorThresholdPercentage: 50, volumeThreshold: 4, resetMs: 1_000, patienceMs: 10_000 };
class Down extends Error {}
const signal = new AbortController().signal;

/** jest's timers drive opossum and this clock alike. */
const timerClock: ExchangeClock = {
  now: () => Date.now(),
  sleep: (ms, stop) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      stop?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

function breaker() {
  jest.useFakeTimers();
  return new OutageBreaker({ settings, clock: timerClock, isOutage: (error) => error instanceof Down });
}
const down = (): Promise<never> => Promise.reject(new Down('down'));
const fine = (): Promise<string> => Promise.resolve('fine');
const swallow = (run: Promise<unknown>): Promise<unknown> => run.catch((error: unknown) => error);

async function trip(b: OutageBreaker): Promise<void> {
  for (let n = 0; n < 4; n++) await swallow(b.run('graph', down, signal));
}

afterEach(() => {
  jest.useRealTimers();
});

describe('a host that fails', () => {
  test('its requests wait for the trial and go on when it succeeds; none of them fails', async () => {
    const b = breaker();
    await trip(b);
    expect(b.isOpen('graph')).toBe(true);
    let asked = 0;
    const all = Promise.all(
      Array.from({ length: 50 }, () =>
        b.run(
          'graph',
          () => {
            asked++;
            return fine();
          },
          signal,
        ),
      ),
    );
    await jest.advanceTimersByTimeAsync(999);
    expect(asked).toBe(0);
    await jest.advanceTimersByTimeAsync(2);
    await expect(all).resolves.toHaveLength(50);
    expect(b.isOpen('graph')).toBe(false);
    b.close();
  });

  test('only one request tries while it is half open; when it fails the others wait on', async () => {
    const b = breaker();
    await trip(b);
    let asked = 0;
    const failing = () => {
      asked++;
      return down();
    };
    const runs = [1, 2, 3].map(() => swallow(b.run('graph', failing, signal)));
    await jest.advanceTimersByTimeAsync(1_001);
    expect(asked).toBe(1);
    await jest.advanceTimersByTimeAsync(1_001);
    expect(asked).toBe(2);
    b.close();
    await jest.advanceTimersByTimeAsync(20_000);
    await Promise.all(runs);
  });

  test('after its patience a request fails with an error that names the outage', async () => {
    const b = breaker();
    await trip(b);
    // One trial a second fails; the others wait until their patience ends.
    const waiting = Array.from({ length: 30 }, () => swallow(b.run('graph', down, signal)));
    await jest.advanceTimersByTimeAsync(12_000);
    const errors = await Promise.all(waiting);
    const outages = errors.filter((error) => !(error instanceof Down));
    expect(outages.length).toBeGreaterThan(15);
    for (const outage of outages) {
      expect(outage).toMatchObject({ code: 'service-outage', errorClass: 'transient' });
      expect(String(outage)).toContain('graph is out of order since');
    }
    b.close();
  });

  test('faults of single items never open it', async () => {
    const b = breaker();
    for (let n = 0; n < 30; n++) {
      await swallow(b.run('graph', () => Promise.reject(new Error('item')), signal));
    }
    expect(b.isOpen('graph')).toBe(false);
    await expect(b.run('graph', fine, signal)).resolves.toBe('fine');
    b.close();
  });

  test('another host is not concerned, and a stop ends the waiting', async () => {
    const b = breaker();
    await trip(b);
    await expect(b.run('uploads', fine, signal)).resolves.toBe('fine');
    const stop = new AbortController();
    const waiting = swallow(b.run('graph', fine, stop.signal));
    await jest.advanceTimersByTimeAsync(1);
    stop.abort(new Error('stopped'));
    await expect(waiting).resolves.toMatchObject({ message: 'stopped' });
    b.close();
  });
});
