import { createGate } from '@holdfast/messaging';
import { expect, test } from '@jest/globals';
import { createPausableGate } from './pausableGate.ts';

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false;
  void promise.then(
    () => {
      done = true;
    },
    () => {
      done = true;
    },
  );
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return done;
};

test('while it is shut nobody comes in, and who is inside stays', async () => {
  const gate = createPausableGate(createGate(2));
  const leave = await gate.enter();
  gate.pause();
  const waiting = gate.enter();
  expect(await settled(waiting)).toBe(false);
  expect([gate.busy, gate.paused]).toEqual([1, true]);
  leave();
  expect(await settled(waiting)).toBe(false);
  gate.resume();
  (await waiting)();
  expect(gate.busy).toBe(0);
});

test('who waited for a slot when it was shut gives the slot back', async () => {
  const gate = createPausableGate(createGate(1));
  const leave = await gate.enter();
  const waiting = gate.enter();
  gate.pause();
  leave();
  expect(await settled(waiting)).toBe(false);
  expect(gate.busy).toBe(0);
  gate.resume();
  (await waiting)();
});

test('an aborted signal ends the wait', async () => {
  const gate = createPausableGate(createGate(1));
  gate.pause();
  const stop = new AbortController();
  const waiting = gate.enter(stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'messaging-closed' });
});
