import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  Job,
  Mailbox,
  RestorePointRecord,
  Run,
  RunTask,
  ScriptRecord,
  Verification,
} from '@holdfast/contracts';
import {
  addOrganization,
  addRepository,
  ensureNatsServer,
  listAll,
  runJob,
  startWorld,
  type World,
  waitForRun,
} from '@holdfast/embedded';
import { waitFor } from '@holdfast/testing';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

jest.setTimeout(300_000);

let work: string;
let world: World;
let organizationId: string;
let [main, second] = ['', ''];
let users: { id: string; userPrincipalName: string }[];
let outer: string;

const address = (at: number): string => users[at]?.userPrincipalName ?? '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'holdfast-scope-'));
  await mkdir(join(work, 'scripts'));
  world = await startWorld({
    dataDir: work,
    natsServer: await ensureNatsServer(() => undefined),
    workers: 1,
    env: { HOLDFAST_SCRIPTS_DIR: join(work, 'scripts') },
    tenant: { mailboxes: 6, messages: 8, seed: 11, profile: 'small', limits: { enabled: false } },
  });
  const { control } = world.tenant;
  users = [...(await control.users())];
  await control.addGroup({ displayName: 'Inner', members: [address(2)] });
  outer = await control.addGroup({ displayName: 'Outer', members: [address(1), 'Inner'] });
  await control.setDepartment(address(3), 'Sales North');
  await control.setMailboxPurpose(address(4), 'room');
  organizationId = (await addOrganization(world)).id;
  main = (await addRepository(world, join(work, 'main'))).id;
  second = (await addRepository(world, join(work, 'second'), 'second')).id;
});

afterAll(async () => {
  await world?.stop();
  await rm(work, { recursive: true, force: true });
});

interface Preview {
  totals: { in: number; out: number; error: number };
  warnings: { code: string; mailboxes?: { count: number; addresses: string[] } }[];
  items: { address: string; status: string; reason?: string; repositoryId?: string; fullBackup?: boolean }[];
}

async function change(job: Job, more: object): Promise<Job & { warnings: Preview['warnings'] }> {
  const { id, createdAt: _made, lastRunNumber: _runs, lastFires: _fires, ...rest } = job;
  const { nextFire: _next, warnings: _warnings, ...settable } = rest as Record<string, unknown>;
  const answer = await fetch(`${world.stack.apiUrl}/api/v1/jobs/${id}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${world.stack.adminToken}`,
      'content-type': 'application/json',
      'if-match': '*',
    },
    body: JSON.stringify({ ...settable, ...more }),
  });
  const body = await answer.json();
  expect([answer.status, body]).toEqual([200, expect.anything()]);
  return body as Job & { warnings: Preview['warnings'] };
}

const tasksOf = (run: Run) => listAll<RunTask>(world, `/runs/${run.id}/tasks`);
const byAddress = (tasks: readonly RunTask[]) => new Map(tasks.map((task) => [task.mailboxAddress, task]));

test('a partial grant is a warning that names who is out of reach', async () => {
  const { control, clientId } = world.tenant;
  const verify = () => world.api.post<Verification>(`/organizations/${organizationId}/verify`);
  const good = await verify();
  expect(good.checks.filter(({ result }) => result !== 'success')).toEqual([]);
  await control.setAccessPolicy(clientId, 'Outer');
  const partial = await verify();
  const mailboxes = partial.checks.find(({ code }) => code === 'mailboxes');
  expect(mailboxes).toMatchObject({
    result: 'warning',
    meaning: expect.stringContaining('2 of 6 can be read'),
  });
  expect([...(mailboxes?.mailboxes ?? [])].sort()).toEqual([0, 3, 4, 5].map(address).sort());
  await control.setAccessPolicy(clientId);
  expect((await verify()).checks.filter(({ result }) => result !== 'success')).toEqual([]);
});

test('a preview is what the run does: rules, nested groups, exclusions, destinations; folders stay out', async () => {
  const { control } = world.tenant;
  const draft = {
    name: 'scoped',
    ...{ organizationId, repositoryId: main },
    sources: [
      { kind: 'rule', department: 'sales*' },
      { kind: 'group', groupId: outer },
      { kind: 'rule', types: ['room'] },
      { kind: 'mailbox', address: address(5) },
    ],
    exclude: {
      mailboxes: [address(5)],
      folders: [
        { kind: 'well-known', name: 'deleteditems' },
        { kind: 'path', path: '/Inbox/Newsletters' },
      ],
    },
    destinations: [{ repositoryId: second, match: [{ kind: 'group', groupId: outer, members: 'direct' }] }],
    options: { retry: { times: 0 } },
  };
  const news = await control.addFolder(address(3), 'Newsletters', 'inbox');
  const mime = 'From: a@b.example\r\nSubject: Weekly news\r\nMessage-ID: <w@b.example>\r\n\r\nNews.\r\n';
  const newsId = typeof news === 'string' ? news : (news as { id: string }).id;
  await control.addMessage(address(3), newsId, Buffer.from(mime).toString('base64'));

  const preview = await world.api.post<Preview>('/jobs/preview', draft);
  expect(preview.totals).toEqual({ in: 4, out: 2, error: 0 });
  const inside = preview.items.filter(({ status }) => status === 'in');
  expect(inside.map((item) => item.address)).toEqual([address(3), ...[1, 2].map(address).sort(), address(4)]);
  expect(inside.every(({ fullBackup }) => fullBackup)).toBe(true);
  expect(preview.items.find((item) => item.address === address(5))?.reason).toBe('excluded-mailbox');

  const job = await world.api.post<Job>('/jobs', draft);
  const first = await runJob(world, job.id);
  expect(first).toMatchObject({ state: 'success', repositoryIds: expect.arrayContaining([main, second]) });
  const tasks = await tasksOf(first);
  expect(tasks.map(({ mailboxAddress, repositoryId }) => [mailboxAddress, repositoryId])).toEqual(
    inside.map((item) => [item.address, item.repositoryId]),
  );
  const sales = byAddress(tasks).get(address(3));
  expect(sales?.excluded?.folders).toEqual(['/Deleted Items', '/Inbox/Newsletters']);
  const paths = async (mailboxId: string) => {
    const [newest] = await listAll<RestorePointRecord>(world, `/mailboxes/${mailboxId}/restore-points`);
    const folders = await listAll<{ path: string }>(world, `/restore-points/${newest?.id}/folders`);
    return folders.map((one) => one.path);
  };
  expect(await paths(sales?.mailboxId ?? '')).not.toContain('/Inbox/Newsletters');

  const coverage = await world.api.get<{ totals: object; items: { address: string }[] }>(
    `/organizations/${organizationId}/coverage`,
  );
  expect(coverage.totals).toEqual({ mailboxes: 6, covered: 4, uncovered: 2 });
  expect(coverage.items.map((item) => item.address).sort()).toEqual([0, 5].map(address).sort());

  // Not excluded any more: it comes back fully; and whoever joins or leaves the group is told.
  await control.setGroupMembers('Outer', [address(1), address(0)]);
  const opened = await change(job, { exclude: { mailboxes: [address(5)] } });
  const third = await runJob(world, opened.id);
  expect(third.scope).toMatchObject({
    joined: { count: 1, mailboxes: [{ address: address(0) }] },
    left: { count: 1, mailboxes: [{ address: address(2), reason: 'no-source' }] },
  });
  expect(await paths(sales?.mailboxId ?? '')).toContain('/Inbox/Newsletters');
  // Who left keeps the restore points.
  const leaver = byAddress(tasks).get(address(2))?.mailboxId ?? '';
  expect(await listAll(world, `/mailboxes/${leaver}/restore-points`)).toHaveLength(1);
});

test('another repository takes one full backup and says so before; going back continues', async () => {
  const one = { kind: 'mailbox', address: address(0) };
  const job = await world.api.post<Job>('/jobs', {
    ...{ name: 'moving', organizationId, repositoryId: main, sources: [one] },
    options: { retry: { times: 0 } },
  });
  const newItems = async () => {
    const [task] = await tasksOf(await runJob(world, job.id));
    return task?.totals?.itemsNew;
  };
  expect(await newItems()).toBeGreaterThan(0);
  const destinations = [{ repositoryId: second, match: [one] }];
  const preview = await world.api.get<Preview>(`/jobs/${job.id}/preview`);
  expect(preview.warnings).toEqual([]);
  const moved = await change(job, { destinations });
  const isFull = moved.warnings.some(({ code }) => code === 'full-backup');
  // The other test may have backed it up there already: then there is a chain to go on from.
  const total = await newItems();
  expect(total === 0).toBe(!isFull);
  const back = await change(job, { destinations: [] });
  expect(back.warnings).toEqual([]);
  expect(await newItems()).toBe(0);
});

test('a proxy in maintenance takes nothing new until it is over', async () => {
  const job = await world.api.post<Job>('/jobs', {
    ...{
      name: 'waits',
      organizationId,
      repositoryId: main,
      sources: [{ kind: 'mailbox', address: address(1) }],
    },
    options: { retry: { times: 0 } },
  });
  const proxies = () =>
    listAll<{ id: string; online: boolean; maintenance: boolean; busy: number; lastSeen?: string }>(
      world,
      '/proxies',
    );
  await waitFor(async () => (await proxies()).some(({ online }) => online), {
    what: 'a proxy',
    timeoutMs: 60_000,
  });
  const proxy = (await proxies()).find(({ online }) => online);
  const switchTo = (on: boolean) => world.api.put(`/proxies/${proxy?.id}/maintenance`, { on });
  await switchTo(true);
  const pools = () => world.api.get<{ items: { pool: string; proxiesInMaintenance: number }[] }>('/pools');
  // The heartbeat says that the proxy itself has understood.
  await waitFor(
    async () => (await pools()).items.some(({ proxiesInMaintenance }) => proxiesInMaintenance === 1),
    {
      what: 'the proxy in maintenance',
      timeoutMs: 60_000,
    },
  );
  const requested = await world.api.post<Run>(`/jobs/${job.id}/run`);
  const now = () => world.api.get<Run>(`/runs/${requested.id}`);
  await waitFor(async () => (await now()).state === 'running', { what: 'the run', timeoutMs: 60_000 });
  // The proxy is alive, its next heartbeat comes, and the task still waits.
  const seen = async () => (await proxies()).find(({ id }) => id === proxy?.id)?.lastSeen;
  const before = await seen();
  await waitFor(async () => (await seen()) !== before, { what: 'the next heartbeat', timeoutMs: 60_000 });
  expect((await tasksOf(requested)).map(({ state }) => state)).toEqual(['queued']);
  expect((await proxies()).find(({ id }) => id === proxy?.id)).toMatchObject({ maintenance: true, busy: 0 });
  await switchTo(false);
  expect((await waitForRun(world, requested.id)).state).toBe('success');
});

test('a script runs after a run with its facts; one outside of the folder is refused by its field', async () => {
  const path = join(work, 'scripts', 'after.sh');
  await writeFile(
    path,
    '#!/bin/sh\necho "$HOLDFAST_JOB_NAME: $HOLDFAST_OUTCOME, $HOLDFAST_MAILBOXES mailboxes"\n',
  );
  await chmod(path, 0o700);
  const input = {
    ...{ name: 'scripted', organizationId, repositoryId: main },
    sources: [{ kind: 'mailbox', address: address(1) }],
  };
  const refused = world.api.post('/jobs', { ...input, scripts: { before: { path: '/bin/true' } } });
  await expect(refused).rejects.toThrow(/scripts\.before\.path: must lie in/);
  const job = await world.api.post<Job>('/jobs', { ...input, scripts: { after: { path } } });
  const run = await runJob(world, job.id);
  expect(run.state).toBe('success');
  const { items } = await world.api.get<{ items: ScriptRecord[] }>(`/runs/${run.id}/scripts`);
  expect(items).toMatchObject([{ state: 'success', output: 'scripted: success, 1 mailboxes\n' }]);
});

test('the inventory is searched by a part of a name or address', async () => {
  const [name = ''] = address(3).split('@');
  const found = await listAll<Mailbox>(
    world,
    `/organizations/${organizationId}/mailboxes?search=${name.slice(1)}`,
  );
  expect(found.map((mailbox) => mailbox.address)).toContain(address(3));
});
