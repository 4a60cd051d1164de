import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, jest, test } from '@jest/globals';
import {
  type Drill,
  expectWhole,
  killHard,
  requestRun,
  seededRandom,
  startDrill,
  untilReported,
  untilServed,
} from './drill.ts';

jest.setTimeout(300_000);

let drill: Drill | undefined;
afterEach(async () => {
  await drill?.stop();
  drill = undefined;
});

const total = 5 * 60;
/** A moment between a tenth and nine tenths of the way. */
const moment = (random: () => number) => Math.floor(total * (0.1 + 0.8 * random()));

test('P4: a sync worker killed during a full backup: the other half is made after its restart', async () => {
  const random = seededRandom('sync worker killed');
  drill = await startDrill();
  const run = await requestRun(drill);
  await untilServed(drill, moment(random));
  await killHard(drill, 'sync');
  await drill.world.stack.startService('sync');
  await expectWhole(drill, await untilReported(drill, run.id));
});

test('P4: the scheduler killed during a run', async () => {
  const random = seededRandom('scheduler killed');
  drill = await startDrill();
  const run = await requestRun(drill);
  await untilServed(drill, moment(random));
  await killHard(drill, 'scheduler');
  await untilServed(drill, Math.floor(total * 0.95));
  await drill.world.stack.startService('scheduler');
  await expectWhole(drill, await untilReported(drill, run.id));
});

test('P4, P8: the api killed during a run', async () => {
  const random = seededRandom('api killed');
  drill = await startDrill();
  const run = await requestRun(drill);
  await untilServed(drill, moment(random));
  await killHard(drill, 'api');
  await untilServed(drill, total);
  await drill.world.stack.startService('api');
  await expectWhole(drill, await untilReported(drill, run.id));
});

test('P4: nats-server away for 20 seconds during a run', async () => {
  const random = seededRandom('broker away');
  drill = await startDrill();
  const run = await requestRun(drill);
  await untilServed(drill, moment(random));
  await killHard(drill, 'nats-server');
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  await drill.world.stack.startBroker();
  await expectWhole(drill, await untilReported(drill, run.id));
});

test('P4: nats-server killed and its storage wiped during a run', async () => {
  const random = seededRandom('broker wiped');
  drill = await startDrill();
  const run = await requestRun(drill);
  await untilServed(drill, moment(random));
  await killHard(drill, 'nats-server');
  rmSync(join(drill.dataDir, 'nats'), { recursive: true, force: true });
  await drill.world.stack.startBroker();
  await expectWhole(drill, await untilReported(drill, run.id));
});

test('P4: two workers for one mailbox, because the broker forgot the lease of the first', async () => {
  const random = seededRandom('two workers');
  drill = await startDrill({ workers: 2, tenant: { mailboxes: 1, messages: total } });
  const run = await requestRun(drill);
  await untilServed(drill, moment(random));
  await killHard(drill, 'nats-server');
  rmSync(join(drill.dataDir, 'nats'), { recursive: true, force: true });
  await drill.world.stack.startBroker();
  await expectWhole(drill, await untilReported(drill, run.id));
  expect(drill.world.stack.processes.has('sync-2')).toBe(true);
});
