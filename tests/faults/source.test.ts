import { join } from 'node:path';
import type { Gap, RepositoryRecord, Run, RunTask } from '@holdfast/contracts';
import { addJob, addRepository, listAll, waitForRun } from '@holdfast/embedded';
import { afterEach, expect, jest, test } from '@jest/globals';
import {
  type Drill,
  expectSuccess,
  expectWhole,
  requestRun,
  seededRandom,
  startDrill,
  untilReported,
} from './drill.ts';

jest.setTimeout(300_000);

let drill: Drill | undefined;
afterEach(async () => {
  await drill?.stop();
  drill = undefined;
});

test('P9: four workers, two jobs over the same mailboxes, four requests at a time a mailbox and a low rate: no fifth request, and both runs succeed', async () => {
  drill = await startDrill({
    workers: 4,
    tenant: {
      mailboxes: 4,
      messages: 30,
      // Ten a second: even a busy machine asks for more.
      limits: { latencyMs: [5, 20], concurrency: 4, requests: 20, requestWindowMs: 2_000, retryAfter: 0.7 },
    },
    job: { options: { concurrency: 4, attempts: 3 } },
  });
  const { world } = drill;
  const second = await addRepository(world, join(drill.dataDir, 'second'), 'second');
  const ids = { organizationId: drill.organizationId, repositoryId: second.id };
  const otherJob = await addJob(world, ids, { name: 'second', options: { concurrency: 4, attempts: 3 } });
  const other = await world.api.post<Run>(`/jobs/${otherJob.id}/run`);
  const run = await requestRun(drill);
  const ended = await waitForRun(world, run.id);
  const otherEnded = await waitForRun(world, other.id);
  await expectSuccess(drill, ended);
  await expectSuccess(drill, otherEnded);
  const { usage, throttled } = await world.tenant.control.statistics();
  expect(Math.max(...usage.map((one) => one.peakConcurrency))).toBeLessThanOrEqual(4);
  // The rate was too low for what was to be read, so somebody had to wait, and it is reported.
  expect(throttled).toBeGreaterThan(0);
  expect(ended.totals.throttledSeconds + otherEnded.totals.throttledSeconds).toBeGreaterThan(0);
});

/** Delta tokens of half of the folders die, a message vanishes before it is read, another is corrupt for ever. */
async function harm(
  run: Drill,
  random: () => number,
): Promise<{ corrupt: string; subject: string; fault: number }> {
  const { control } = run.world.tenant;
  await control.expireDeltaTokens({ fraction: 0.5 });
  const [user] = await control.users();
  if (user === undefined) throw new Error('the tenant has no user');
  const added = await control.addGenerated(user.id, 'inbox', 12);
  const corrupt = added[Math.floor(random() * 6)] ?? '';
  const vanishing = added[6 + Math.floor(random() * 6)] ?? '';
  const fault = await control.addFault({
    kind: 'message.value',
    message: corrupt,
    action: { type: 'corrupt' },
  });
  await control.addFault({ kind: 'message.value', message: vanishing, times: 1, action: { type: 'vanish' } });
  return { corrupt, subject: (await control.message(user.id, corrupt)).subject, fault };
}

test('P1, P7: half of the cursors expired, a message vanished, another is corrupt: warning, the gap is named, and the next run heals it', async () => {
  const random = seededRandom('expired, vanished, corrupt');
  drill = await startDrill({ workers: 2, tenant: { mailboxes: 3 } });
  const { world } = drill;
  await waitForRun(world, (await requestRun(drill)).id);
  const { corrupt, subject, fault } = await harm(drill, random);

  const hurt = await untilReported(drill, (await requestRun(drill)).id);
  expect(hurt.state).toBe('warning');
  const gaps = await listAll<Gap>(world, `/runs/${hurt.id}/gaps`);
  expect(gaps.map((gap) => gap.itemKey)).toEqual([corrupt]);
  expect(hurt.totals.gapsOpen).toBe(1);
  const report = drill.mailServer.received.find((mail) => mail.subject?.includes('WARNING'));
  expect(report?.text).toContain(subject);

  await world.tenant.control.removeFault(fault);
  const healed = await untilReported(drill, (await requestRun(drill)).id);
  expect(healed.state).toBe('success');
  expect(healed.totals).toMatchObject({ gapsOpen: 0, gapsHealed: 1 });
  drill.mailServer.received.splice(1);
  await expectWhole(drill, healed, { points: 'any' });
});

test('P7: a mailbox out of reach fails alone, with a remedy; the others are stored, and a user without a mailbox is no task', async () => {
  drill = await startDrill({ tenant: { mailboxes: 3, messages: 10 } });
  const { world } = drill;
  const users = await world.tenant.control.users();
  await world.tenant.control.setMailboxKind(users[1]?.id ?? '', 'none');
  await world.tenant.control.setMailboxKind(users[2]?.id ?? '', 'outOfScope');
  const run = await waitForRun(world, (await requestRun(drill)).id);
  expect(run.state).toBe('warning');
  const tasks = await listAll<RunTask>(world, `/runs/${run.id}/tasks`);
  const seen = Object.fromEntries(
    tasks.map((task) => [task.mailboxAddress, [task.state, Boolean(task.error?.remedy)]]),
  );
  expect(seen).toEqual({
    [users[0]?.userPrincipalName ?? '']: ['success', false],
    [users[2]?.userPrincipalName ?? '']: ['failed', true],
  });
});

test('a full mailbox that refuses delta queries is backed up by listing', async () => {
  drill = await startDrill({ tenant: { mailboxes: 1, messages: 30 } });
  const [user] = await drill.world.tenant.control.users();
  await drill.world.tenant.control.setMailboxKind(user?.id ?? '', 'full');
  await expectWhole(drill, await untilReported(drill, (await requestRun(drill)).id));
});

test('P4: the source is away for a while during a run: it goes on by itself', async () => {
  drill = await startDrill({ tenant: { mailboxes: 3, messages: 40 } });
  const { world } = drill;
  const run = await requestRun(drill);
  await world.tenant.control.setOutage('graph', { status: 503 });
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await world.tenant.control.setOutage('graph', null);
  await expectWhole(drill, await untilReported(drill, run.id));
  const repositories = await listAll<RepositoryRecord>(world, '/repositories');
  expect(repositories).toHaveLength(1);
});
