import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, Mailbox, Notification, RestorePointRecord, Run, RunTask } from '@holdfast/contracts';
import {
  addJob,
  addOrganization,
  addRepository,
  compareRepository,
  demoPassphrase,
  ensureNatsServer,
  expectedOf,
  listAll,
  type MailServer,
  startMailServer,
  startWorld,
  type TenantOptions,
  useMailServer,
  type World,
  waitForRun,
} from '@holdfast/embedded';
import { expect } from '@jest/globals';

/** A random number from a printed seed, so that a drill can be repeated: HOLDFAST_SEED=… npm run jest. */
export function seededRandom(title: string): () => number {
  const seed = Number(process.env.HOLDFAST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  process.stderr.write(`${title}: HOLDFAST_SEED=${seed}\n`);
  let state = seed >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Drill {
  world: World;
  mailServer: MailServer;
  job: Job;
  dataDir: string;
  organizationId: string;
  repositoryId: string;
  repositoryPath: string;
  stop(): Promise<void>;
}

export interface DrillOptions {
  workers?: number;
  tenant?: Partial<TenantOptions>;
  job?: { options?: object } & Record<string, unknown>;
  env?: Record<string, string>;
  storeUrl?: string;
}

/** A running Holdfast over a simulated tenant whose answers take a while, with a job that has not run yet. */
export async function startDrill(options: DrillOptions = {}): Promise<Drill> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-drill-'));
  const started: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const release of started.reverse()) await release();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const mailServer = await startMailServer();
    started.push(() => mailServer.close());
    const world = await startWorld({
      dataDir,
      natsServer: await ensureNatsServer((line) => process.stderr.write(`${line}\n`)),
      workers: options.workers ?? 1,
      tenant: {
        mailboxes: 5,
        messages: 60,
        seed: 3,
        profile: 'small',
        limits: { latencyMs: [10, 40], retryAfter: 1 },
        ...options.tenant,
      },
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.storeUrl === undefined ? {} : { storeUrl: options.storeUrl }),
    });
    started.push(() => world.stop());
    await useMailServer(world, mailServer.port);
    const organization = await addOrganization(world);
    const repositoryPath = join(dataDir, 'repository');
    const repository = await addRepository(world, repositoryPath);
    const ids = { organizationId: organization.id, repositoryId: repository.id };
    return {
      world,
      mailServer,
      job: await addJob(world, ids, options.job),
      dataDir,
      ...ids,
      repositoryPath,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Requests a run of the drill's job. */
export const requestRun = (drill: Drill): Promise<Run> =>
  drill.world.api.post<Run>(`/jobs/${drill.job.id}/run`);

/** Waits until the tenant has served this many messages: the moment of a drill, without a clock. */
export async function untilServed(drill: Drill, messages: number): Promise<void> {
  for (;;) {
    const { byKind } = await drill.world.tenant.control.statistics();
    if ((byKind['message.value'] ?? 0) >= messages) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Kills a process of the stack with SIGKILL and waits until it is gone. */
export async function killHard(drill: Drill, name: string): Promise<void> {
  const victim = drill.world.stack.processes.get(name);
  if (victim === undefined) throw new Error(`${name} does not run`);
  process.kill(victim.pid, 'SIGKILL');
  await victim.exited;
}

/** Waits for the end of a run and for its report. */
export async function untilReported(drill: Drill, runId: string): Promise<Run> {
  const run = await waitForRun(drill.world, runId);
  const reported = (one: Notification) => one.refersTo === runId && one.state === 'sent';
  for (;;) {
    const notifications = await listAll<Notification>(drill.world, '/notifications');
    if (notifications.some(reported)) return run;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The run is a success; where it is not, the failure names the mailboxes, their errors and their gaps. */
export async function expectSuccess({ world }: Drill, run: Run): Promise<void> {
  const tasks = await listAll<RunTask>(world, `/runs/${run.id}/tasks`);
  const troubles = tasks
    .filter((task) => task.state !== 'success' || (task.gaps ?? []).length > 0)
    .map(({ mailboxAddress, state, attempts, error, gaps }) => ({
      mailboxAddress,
      state,
      attempts,
      error,
      gaps,
    }));
  expect(troubles).toEqual([]);
  expect(run.state).toBe('success');
}

/**
 * The promises after every drill: the run succeeded, each mailbox has one restore point, which equals the source
 * (no item lost, none twice, every byte the same), and one report arrived.
 */
export async function expectWhole(
  drill: Drill,
  run: Run,
  expectation: { points: 'one' | 'any' } = { points: 'one' },
): Promise<void> {
  const { world } = drill;
  await expectSuccess(drill, run);
  const expected = new Map<string, Awaited<ReturnType<typeof expectedOf>>>();
  for (const user of await world.tenant.control.users()) {
    expected.set(user.id, await expectedOf(world.tenant.control, user.id));
  }
  for (const mailbox of await listAll<Mailbox>(world, `/organizations/${drill.organizationId}/mailboxes`)) {
    const points = await listAll<RestorePointRecord>(
      world,
      `/mailboxes/${mailbox.id}/restore-points?repositoryId=${drill.repositoryId}`,
    );
    if (expectation.points === 'one') expect(points.map((point) => point.kind)).toEqual(['full']);
  }
  const place = {
    path: drill.repositoryPath,
    passphrase: demoPassphrase,
    cacheDir: join(drill.dataDir, 'check-cache'),
  };
  const comparison = await compareRepository(place, world.tenant.tenantId, expected);
  expect(comparison.differences).toEqual([]);
  expect(comparison.messages).toBe(
    [...expected.values()].reduce((sum, messages) => sum + messages.length, 0),
  );
  expect(drill.mailServer.received.map((mail) => mail.subject)).toHaveLength(1);
}
