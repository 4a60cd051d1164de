import { expect, test } from '@jest/globals';
import { createGate } from './gate.ts';

test('lets in as many as it has slots, then in the order they came', async () => {
  const gate = createGate(2);
  const leaveFirst = await gate.enter();
  await gate.enter();
  const order: number[] = [];
  const third = gate.enter().then((leave) => {
    order.push(3);
    return leave;
  });
  const fourth = gate.enter().then((leave) => {
    order.push(4);
    return leave;
  });
  expect(gate.busy).toBe(2);
  leaveFirst();
  leaveFirst();
  const leaveThird = await third;
  expect(order).toEqual([3]);
  expect(gate.busy).toBe(2);
  leaveThird();
  await fourth;
  expect(order).toEqual([3, 4]);
});

test('who gives up waiting takes no slot and does not block who waits behind', async () => {
  const gate = createGate(1);
  const leave = await gate.enter();
  const impatient = new AbortController();
  const given = gate.enter(impatient.signal);
  const patient = gate.enter();
  impatient.abort();
  await expect(given).rejects.toMatchObject({ code: 'messaging-closed' });
  leave();
  (await patient)();
  expect(gate.busy).toBe(0);
  await expect(gate.enter(AbortSignal.abort())).rejects.toMatchObject({ code: 'messaging-closed' });
});
