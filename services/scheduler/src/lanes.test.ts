import { fakeClock } from '@holdfast/testing';
import { expect, test } from '@jest/globals';
import { createLanes } from './lanes.ts';
import { createWakeup } from './wakeup.ts';

const deferred = (): { promise: Promise<void>; resolve: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, resolve };
};

test('a key nudged many times while it is handled is handled once more', async () => {
  const gates = [deferred(), deferred()];
  let started = 0;
  const lanes = createLanes(4, async () => {
    started += 1;
    await gates[started - 1]?.promise;
  });
  for (let n = 0; n < 5; n += 1) lanes.nudge('a');
  expect(started).toBe(1);
  gates[0]?.resolve();
  await new Promise(setImmediate);
  expect(started).toBe(2);
  gates[1]?.resolve();
  await lanes.close();
  expect(started).toBe(2);
});

test('no more keys are handled at once than the limit, and all get their turn', async () => {
  let active = 0;
  let peak = 0;
  const seen: string[] = [];
  const lanes = createLanes(2, async (key) => {
    active += 1;
    peak = Math.max(peak, active);
    await new Promise(setImmediate);
    seen.push(key);
    active -= 1;
  });
  for (const key of ['a', 'b', 'c', 'd', 'e']) lanes.nudge(key);
  while (seen.length < 5) await new Promise(setImmediate);
  expect(peak).toBe(2);
  expect([...seen].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  await lanes.close();
});

test('closing waits for what is in hand and takes no more', async () => {
  const gate = deferred();
  const seen: string[] = [];
  const lanes = createLanes(1, async (key) => {
    await gate.promise;
    seen.push(key);
  });
  lanes.nudge('a');
  lanes.nudge('b');
  const closed = lanes.close();
  lanes.nudge('c');
  gate.resolve();
  await closed;
  expect(seen).toEqual(['a']);
});

test('a sleeper is woken by a call, also by one made before it slept', async () => {
  const clock = fakeClock();
  const wakeup = createWakeup(clock);
  const never = new AbortController().signal;
  wakeup.wake();
  await wakeup.sleep(60_000, never);
  const sleeping = wakeup.sleep(60_000, never);
  wakeup.wake();
  await sleeping;
  expect(clock.now()).toBe(new Date('2026-01-01T00:00:00Z').getTime());
});
