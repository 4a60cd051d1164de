import { expect, test } from '@jest/globals';
import { waitFor } from './waitFor.ts';

test('gives back what the condition gave once it holds, even after it threw', async () => {
  let calls = 0;
  const value = await waitFor(
    () => {
      calls += 1;
      if (calls < 3) throw new Error('not yet');
      return calls;
    },
    { what: 'third call', everyMs: 1 },
  );
  expect(value).toBe(3);
});

test('a condition that never holds fails by name, with its last error as the cause', async () => {
  const failing = waitFor(
    () => {
      throw new Error('still closed');
    },
    { what: 'the door is open', timeoutMs: 20, everyMs: 1 },
  );
  await expect(failing).rejects.toMatchObject({
    message: 'still not so after 20 ms: the door is open',
    cause: { message: 'still closed' },
  });
});
