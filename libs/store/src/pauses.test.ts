import { expect, test } from '@jest/globals';
import { createPauses } from './pauses.ts';

const recorded = (random: () => number) => {
  const slept: number[] = [];
  return { slept, deps: { clock: { sleep: async (ms: number) => void slept.push(ms) }, random } };
};

test('pauses double up to the longest and end when patience does', async () => {
  const { slept, deps } = recorded(() => 0.999);
  const pause = createPauses(deps, { maxPauseMs: 8, totalMs: 30 });
  while (await pause());
  expect(slept).toEqual([1, 2, 4, 8, 8, 8]);
});

test('patience ends also where the dice always give the shortest pause, and counts the tries themselves', async () => {
  const { slept, deps } = recorded(() => 0);
  const pause = createPauses(deps, { maxPauseMs: 8, totalMs: 30, tryMs: 5 });
  while (await pause());
  expect(slept).toEqual([1, 1, 1, 1, 1]);
});
