import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { sqliteFixture } from '../testing/sqliteFixture.ts';
import { thing, things } from '../testing/things.ts';

test('a caller that reads one document after the other leaves their turn to timers and sockets', async () => {
  const { store, dispose } = await sqliteFixture();
  const collection = store.collection(things);
  await collection.insert(thing('a'));
  let timerFired = false;
  const timer = sleep(1).then(() => {
    timerFired = true;
  });
  let reads = 0;
  // Without a turn for the timer this would go on until the limit.
  while (!timerFired && reads < 200_000) {
    await collection.get('a');
    reads += 1;
  }
  await timer;
  await dispose();
  expect(reads).toBeLessThan(200_000);
});
