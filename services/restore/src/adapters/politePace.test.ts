import { expect, test } from '@jest/globals';
import { machinePace, politePace } from './politePace.ts';

/** A machine of two processors where time passes only as work and pauses. */
function machine(runnable: () => number | undefined) {
  const state = { now: 0, paused: 0 };
  const pace = politePace({
    processors: 2,
    runnable,
    now: () => state.now,
    sleep: async (ms) => {
      state.now += ms;
      state.paused += ms;
    },
  });
  const work = async (ms: number) => {
    for (let done = 0; done < ms; done++) {
      state.now++;
      await pace();
    }
  };
  return { state, work };
}

test('nothing waits while a processor is free, or nobody knows', async () => {
  for (const wanting of [1, 2, undefined, Number.NaN]) {
    const { state, work } = machine(() => wanting);
    await work(1_000);
    expect(state.paused).toBe(0);
  }
});

test('on a machine that stays busy a little is done all the same', async () => {
  const { state, work } = machine(() => 3);
  await work(400);
  expect(state.paused).toBe(100 * 250);
});

test('the work goes on when the others are done', async () => {
  let busy = 3;
  const { state, work } = machine(() => busy--);
  await work(400);
  expect(state.paused).toBe(2 * 25);
});

test('a moment in which a busy machine looks free is no end of the others', async () => {
  let look = 0;
  const { state, work } = machine(() => (look++ % 2 === 0 ? 3 : 2));
  await work(400);
  expect(state.paused).toBeGreaterThan(40 * 250);
});

test('the pace of this machine ends', async () => {
  const pace = machinePace();
  const until = performance.now() + 20;
  while (performance.now() < until) await pace();
});
