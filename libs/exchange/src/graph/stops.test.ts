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
