import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { onStop } from './stops.ts';

test('all who wait are told of a stop, those who have left are not, and the signal is let go with the last', () => {
  const stop = new AbortController();
  const told: string[] = [];
  const [one, two, three] = ['one', 'two', 'three'].map((name) =>
    onStop(stop.signal, (reason) => told.push(`${name} ${reason}`)),
  );
  one?.();
  two?.();
  three?.();
  onStop(stop.signal, (reason) => told.push(`four ${reason}`));
  const leave = onStop(stop.signal, (reason) => told.push(`five ${reason}`));
  leave();
  leave();
  three?.();
  onStop(stop.signal, (reason) => told.push(`six ${reason}`));
  stop.abort('enough');
  expect(told).toEqual(['four enough', 'six enough']);
});

test('a signal has one listener while anybody waits and none afterwards, whoever leaves last', () => {
  const { signal } = new AbortController();
  const listeners = () => getEventListeners(signal, 'abort').length;
  for (let round = 0; round < 3; round++) {
    const first = onStop(signal, () => undefined);
    const last = onStop(signal, () => undefined);
    expect(listeners()).toBe(1);
    first();
    last();
    expect(listeners()).toBe(0);
  }
});
