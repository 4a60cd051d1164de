import { expect, test } from '@jest/globals';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

test('serves in order of arrival; one that needs all slots is not overtaken for ever', async () => {
  const slots = new Slots(4);
  const order: string[] = [];
  const leave = [await slots.take(1, never), await slots.take(1, never)];
  const all = slots.take(4, never).then((done) => {
    order.push('all');
    return done;
  });
  const one = slots.take(1, never).then((done) => {
    order.push('one');
    return done;
  });
  for (const go of leave) go();
  (await all)();
  await one;
  expect(order).toEqual(['all', 'one']);
});

test('giving back twice counts once', async () => {
  const slots = new Slots(1);
  const leave = await slots.take(1, never);
  leave();
  leave();
  await slots.take(1, never);
  const second = slots.take(1, AbortSignal.timeout(20));
  await expect(second).rejects.toThrow();
});

test('who gives up waiting makes room for those behind', async () => {
  const slots = new Slots(2);
  const leave = await slots.take(1, never);
  const impatient = new AbortController();
  const big = slots.take(2, impatient.signal);
  const small = slots.take(1, never);
  impatient.abort(new Error('enough'));
  await expect(big).rejects.toThrow('enough');
  (await small)();
  leave();
});

test('more slots than there are means all of them', async () => {
  const slots = new Slots(2);
  const leave = await slots.take(20, never);
  leave();
});
