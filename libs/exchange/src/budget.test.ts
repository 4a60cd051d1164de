import { expect, test } from '@jest/globals';
import { unlimitedBudget } from './budget.ts';

const signal = new AbortController().signal;

test('grants of one mailbox share its fence, those of others do not', async () => {
  const budget = unlimitedBudget(3);
  const [a, again, b] = await Promise.all(
    ['app:a', 'app:a', 'app:b'].map((name) => budget.acquire(name, 'backup', signal)),
  );
  expect(a?.concurrency).toBe(3);
  await a?.fenceUntil(5_000);
  await again?.fenceUntil(2_000);
  expect([a?.fencedUntil, again?.fencedUntil, b?.fencedUntil]).toEqual([5_000, 5_000, 0]);
  await a?.release();
});
