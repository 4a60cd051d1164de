import type { LedgerLine, Mailbox, PlanLine, RestoreSession } from '@holdfast/contracts';
import { compareMessages, listAll } from '@holdfast/embedded';
import type { MessageSnapshot } from '@holdfast/exchange-simulator';
import { afterEach, expect, jest, test } from '@jest/globals';
import { type Drill, killHard, requestRun, seededRandom, startDrill, untilReported } from './drill.ts';

jest.setTimeout(400_000);

let drill: Drill | undefined;
afterEach(async () => {
  await drill?.stop();
  drill = undefined;
});

const mailboxes = 5;
const messages = 1_000;
const total = mailboxes * messages;
const target = 'Restored';
const ended = ['success', 'warning', 'failed', 'cancelled'];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the target has taken this many messages: the moment of a kill, without a clock. */
async function untilCreated({ world }: Drill, wanted: number): Promise<void> {
  for (;;) {
    const { byKind } = await world.tenant.control.statistics();
    if ((byKind['message.create'] ?? 0) >= wanted) return;
    await pause(20);
  }
}

/** Asks the API until the session is in one of these states; an API that is away is asked again. */
async function untilState({ world }: Drill, id: string, states: readonly string[]): Promise<RestoreSession> {
  for (let failures = 0; ; ) {
    try {
      const session = await world.api.get<RestoreSession>(`/restores/${id}`);
      if (states.includes(session.state) || ended.includes(session.state)) return session;
      failures = 0;
    } catch (error) {
      if (++failures > 600) throw error;
    }
    await pause(100);
  }
}

/** Kills a part of the system at its moment, and starts it again. */
async function killAt(on: Drill, moment: number, victim: 'restore' | 'nats-server' | 'api'): Promise<void> {
  await untilCreated(on, moment);
  await killHard(on, victim);
  if (victim === 'nats-server') await on.world.stack.startBroker();
  else await on.world.stack.startService(victim);
}

const keyOf = (message: MessageSnapshot): string => `${message.folderPath}\n${message.internetMessageId}`;

function counted(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** What a mailbox shows outside and inside the target folder, under the same paths. */
async function sides(
  { world }: Drill,
  userId: string,
): Promise<{ source: MessageSnapshot[]; back: MessageSnapshot[] }> {
  const { folders, messages: all } = await world.tenant.control.snapshot(userId);
  const hidden = new Set(
    folders.filter((one) => one.wellKnownName?.startsWith('recoverable')).map(({ id }) => id),
  );
  const prefix = `${target}\t`;
  const visible = all.filter(({ folderId }) => !hidden.has(folderId));
  return {
    source: visible.filter(({ folderPath }) => !folderPath.startsWith(prefix)),
    back: visible
      .filter(({ folderPath }) => folderPath.startsWith(prefix))
      .map((message) => ({ ...message, folderPath: message.folderPath.slice(prefix.length) })),
  };
}

test('P4, P6: restore worker, broker and api killed in the middle of a restore of 5,000 items', async () => {
  const random = seededRandom('restore drill');
  drill = await startDrill({
    // Ten minutes of a real mailbox's requests must not decide how long the drill takes.
    env: { HOLDFAST_BUDGET_REQUESTS: '1000000' },
    tenant: {
      mailboxes,
      messages,
      seed: 5,
      limits: { latencyMs: [0, 2], retryAfter: 1, requests: 1_000_000 },
    },
  });
  const { world } = drill;
  const run = await requestRun(drill);
  expect((await untilReported(drill, run.id)).state).toBe('success');
  const listed = await listAll<Mailbox>(world, `/organizations/${drill.organizationId}/mailboxes`);

  const requested = await world.api.post<RestoreSession>('/restores', {
    repositoryId: drill.repositoryId,
    sources: listed.map(({ id }) => ({ mailboxId: id })),
    target: { folderPath: `/${target}` },
    approve: false,
  });
  const { id } = requested;
  const planned = await untilState(drill, id, ['planned']);
  expect({ state: planned.state, error: planned.error, create: planned.plan?.create }).toEqual({
    ...{ state: 'planned', error: undefined, create: total },
  });
  await world.tenant.control.resetStatistics();
  await world.api.post(`/restores/${id}/approve`, { confirm: planned.plan?.digest });

  const victims = ['restore', 'nats-server', 'api'] as const;
  for (const [n, victim] of victims.entries()) {
    // One in each third of the way, in a random order over the seeds.
    await killAt(drill, Math.floor(total * ((n + 0.2 + 0.6 * random()) / victims.length)), victim);
  }
  const session = await untilState(drill, id, ended);

  const ledger = await listAll<LedgerLine>(world, `/restores/${id}/ledger`);
  const plan = await listAll<PlanLine>(world, `/restores/${id}/plan`);
  const trouble = ledger.filter(({ action, readBack }) => action !== 'created' || readBack !== 'equal');
  expect(trouble.slice(0, 5)).toEqual([]);
  expect({ state: session.state, error: session.error, progress: session.progress }).toMatchObject({
    state: 'success',
    progress: { itemsTotal: total, itemsDone: total, created: total, deviated: 0 },
  });
  const place = (line: { part: number; itemKey: string; folderPath: string }) =>
    `${line.part} ${line.folderPath} ${line.itemKey}`;
  expect(ledger.map(place).sort()).toEqual(plan.map(place).sort());
  for (const { userId } of listed) {
    const { source, back } = await sides(drill, userId);
    expect(counted(back.map(keyOf))).toEqual(counted(source.map(keyOf)));
    expect(compareMessages(source, back)).toEqual([]);
  }
  const { sentMail, invitations } = await world.tenant.control.statistics();
  expect([...sentMail, ...invitations]).toEqual([]);
});
