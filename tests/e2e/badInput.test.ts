import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  HoldfastError,
  type Organization,
  type RepositoryRecord,
  type Run,
  type RunTask,
} from '@holdfast/contracts';
import {
  addJob,
  addOrganization,
  addRepository,
  ensureNatsServer,
  listAll,
  simulatedCloud,
  startWorld,
  verifyOrganization,
  type World,
  waitForRun,
} from '@holdfast/embedded';
import { createRepository, openBlobStore } from '@holdfast/repository';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

jest.setTimeout(180_000);

/** A test that needs something of the machine; where it is missing the test is skipped and says why. */
function testUnless(reason: string | undefined, title: string, body: () => Promise<void>): void {
  if (reason !== undefined) process.stderr.write(`skipped: ${title}: ${reason}\n`);
  (reason === undefined ? test : test.skip)(title, body);
}

const isRoot = process.getuid?.() === 0;

let world: World;
let dataDir: string;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-bad-input-'));
  world = await startWorld({
    dataDir,
    natsServer: await ensureNatsServer((line) => process.stderr.write(`${line}\n`)),
    workers: 1,
    tenant: { mailboxes: 2, messages: 10, seed: 5, profile: 'small' },
  });
});

afterAll(async () => {
  await world?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** The refusal of a call: it must have a code and a remedy. */
async function refused(call: Promise<unknown>): Promise<HoldfastError> {
  const error = await call.then(
    (answer) => {
      throw new Error(`was not refused: ${JSON.stringify(answer)}`);
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HoldfastError);
  const problem = error as HoldfastError;
  expect(problem.remedy ?? '').not.toBe('');
  return problem;
}

const connect = (name: string, more: object): Promise<Organization> =>
  world.api.post<Organization>('/organizations', {
    name,
    cloud: simulatedCloud,
    tenantId: world.tenant.tenantId,
    clientId: world.tenant.clientId,
    clientSecret: world.tenant.clientSecret,
    ...more,
  });

/** The checks of an organization that failed, by name. */
async function failuresOf(
  organization: Organization,
): Promise<{ name: string; meaning: string; remedy?: string | undefined }[]> {
  const { checks } = await verifyOrganization(world, organization.id);
  return checks.filter((check) => check.result === 'failure');
}

test.each([
  ['a wrong secret', { clientSecret: 'wrong' }, /secret/i],
  ['an expired secret', { clientSecret: 'expired-secret' }, /expired/i],
  ['an unknown application', { clientId: '00000000-0000-4000-8000-000000000000' }, /application/i],
  ['an unknown tenant', { tenantId: '00000000-0000-4000-8000-000000000000' }, /tenant/i],
])(
  '%s: verification says so and what to do, and a run fails with the same words',
  async (what, more, words) => {
    const organization = await connect(what, more);
    const [failure] = await failuresOf(organization);
    expect(`${failure?.meaning} ${failure?.remedy}`).toMatch(words);
    expect(failure?.remedy ?? '').not.toBe('');
    const repository = await addRepository(world, join(dataDir, `repository ${what}`), `for ${what}`);
    const job = await addJob(
      world,
      { organizationId: organization.id, repositoryId: repository.id },
      { name: what },
    );
    const run = await waitForRun(world, (await world.api.post<Run>(`/jobs/${job.id}/run`)).id);
    expect(run.state).toBe('failed');
    expect(`${run.error?.message} ${run.error?.remedy}`).toMatch(words);
  },
);

test('a missing permission is named by the verification, with what it limits', async () => {
  await world.tenant.control.setRoles(world.tenant.clientId, ['User.Read.All']);
  try {
    const failures = await failuresOf(await connect('without Mail.Read', {}));
    expect(failures.map((failure) => failure.name).join()).toContain('Mail.Read');
    for (const failure of failures) expect(failure.remedy ?? '').not.toBe('');
  } finally {
    const all = [
      'User.Read.All',
      'GroupMember.Read.All',
      'Mail.Read',
      'Mail.ReadWrite',
      'MailboxSettings.Read',
    ];
    await world.tenant.control.setRoles(world.tenant.clientId, all);
  }
});

test('a job that names an unknown mailbox: that mailbox fails with a remedy, the known one is stored', async () => {
  const organization = await addOrganization(world, 'one unknown mailbox');
  const repository = await addRepository(world, join(dataDir, 'unknown-mailbox'), 'unknown mailbox');
  const [user] = await world.tenant.control.users();
  const sources = [user?.userPrincipalName ?? '', 'nobody@contoso.example'].map((address) => ({
    kind: 'mailbox',
    address,
  }));
  const job = await addJob(
    world,
    { organizationId: organization.id, repositoryId: repository.id },
    { name: 'unknown mailbox', sources },
  );
  const run = await waitForRun(world, (await world.api.post<Run>(`/jobs/${job.id}/run`)).id);
  expect(run.state).toBe('warning');
  const tasks = await listAll<RunTask>(world, `/runs/${run.id}/tasks`);
  const failed = tasks.find((task) => task.state === 'failed');
  expect(failed?.mailboxAddress).toBe('nobody@contoso.example');
  expect(failed?.error?.remedy ?? '').not.toBe('');
  expect(tasks.filter((task) => task.state === 'success')).toHaveLength(1);
});

test('a repository in a place that cannot be made: refused, nothing is left', async () => {
  const file = join(dataDir, 'a file');
  writeFileSync(file, 'no folder');
  const before = await listAll<RepositoryRecord>(world, '/repositories');
  await refused(addRepository(world, join(file, 'repository'), 'below a file'));
  expect(await listAll<RepositoryRecord>(world, '/repositories')).toEqual(before);
});

test('a folder that holds other things is no place for a repository', async () => {
  const place = join(dataDir, 'photos');
  mkdirSync(place);
  writeFileSync(join(place, 'cat.jpg'), 'meow');
  await refused(addRepository(world, place, 'photos'));
  expect(readdirSync(place)).toEqual(['cat.jpg']);
});

test('attaching with a wrong passphrase is refused and leaves nothing; with the right one it works', async () => {
  const path = join(dataDir, 'to-attach');
  const store = await openBlobStore({ kind: 'fs', path });
  await createRepository(store, { passphrase: 'the passphrase of before' });
  await store.close();
  const attach = (passphrase: string, name: string) =>
    world.api.post<RepositoryRecord>('/repositories', {
      name,
      backend: { kind: 'fs', path },
      passphrase,
      mode: 'attach',
    });
  const problem = await refused(attach('not the right one', 'attached'));
  expect(problem.message).toMatch(/passphrase/i);
  expect((await attach('the passphrase of before', 'attached')).name).toBe('attached');
});

const rootReadsAll = isRoot ? 'root reads every folder, so none is unreadable' : undefined;
testUnless(rootReadsAll, 'an unreadable repository folder fails the run with a remedy', async () => {
  const organization = await addOrganization(world, 'unreadable');
  const path = join(dataDir, 'unreadable');
  const repository = await addRepository(world, path, 'unreadable');
  chmodSync(path, 0o000);
  try {
    const job = await addJob(
      world,
      { organizationId: organization.id, repositoryId: repository.id },
      { name: 'unreadable' },
    );
    const run = await waitForRun(world, (await world.api.post<Run>(`/jobs/${job.id}/run`)).id);
    expect(run.state).toBe('failed');
  } finally {
    chmodSync(path, 0o700);
  }
});

test('a malformed job is refused field by field', async () => {
  const problem = await refused(
    world.api.post('/jobs', {
      name: '',
      organizationId: 'org-1',
      repositoryId: 'repo-1',
      sources: [],
      schedules: [{ kind: 'daily', start: '25:00', timeZone: 'Mars/Olympus' }],
      retention: { keepLast: 0 },
      recipients: ['not an address'],
      surprise: true,
    }),
  );
  for (const field of [
    'name',
    'sources',
    'schedules[0].start',
    'schedules[0].timeZone',
    'retention.keepLast',
    'recipients',
    'surprise',
  ]) {
    expect(problem.message).toContain(field);
  }
});

/** Why no small file system can be mounted here, or undefined. */
function cannotMount(): string | undefined {
  if (!isRoot || process.platform !== 'linux') return 'only root on Linux can mount a small file system';
  const place = mkdtempSync(join(tmpdir(), 'holdfast-mount-'));
  try {
    mountSmallDisk(place);
    execFileSync('umount', ['-l', place]);
    return undefined;
  } catch (error) {
    return `a small file system cannot be mounted: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(place, { recursive: true });
  }
}

const mountSmallDisk = (place: string) =>
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'pipe' });

const fullDisk =
  'a full disk fails the mailbox with a remedy, leaves no restore point, and the next run succeeds';
testUnless(cannotMount(), fullDisk, async () => {
  const path = join(dataDir, 'small-disk');
  mkdirSync(path);
  mountSmallDisk(path);
  try {
    const organization = await addOrganization(world, 'full disk');
    const [user] = await world.tenant.control.users();
    for (let n = 0; n < 30; n++) {
      const random = crypto.getRandomValues(Buffer.alloc(60_000)).toString('base64');
      await world.tenant.control.addMessage(
        user?.id ?? '',
        'inbox',
        Buffer.from(`Subject: ${n}\r\nFrom: a@b.example\r\n\r\n${random}`).toString('base64'),
      );
    }
    const repository = await addRepository(world, path, 'full disk');
    const ids = { organizationId: organization.id, repositoryId: repository.id };
    const sources = [{ kind: 'mailbox', address: user?.userPrincipalName }];
    const job = await addJob(world, ids, {
      name: 'full disk',
      sources,
      options: { concurrency: 1, attempts: 1 },
    });
    const run = await waitForRun(world, (await world.api.post<Run>(`/jobs/${job.id}/run`)).id);
    expect(run.state).toBe('failed');
    const [task] = await listAll<RunTask>(world, `/runs/${run.id}/tasks`);
    expect(task?.error?.message).toMatch(/full|space/i);
    expect(task?.error?.remedy ?? '').not.toBe('');
    expect(task?.pointId).toBeUndefined();
    execFileSync('mount', ['-o', 'remount,size=200m', path]);
    const again = await waitForRun(world, (await world.api.post<Run>(`/jobs/${job.id}/run`)).id);
    expect(again.state).toBe('success');
  } finally {
    execFileSync('umount', ['-l', path]);
  }
});
