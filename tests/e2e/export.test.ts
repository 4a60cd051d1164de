import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  addJob,
  addOrganization,
  addRepository,
  demoPassphrase,
  ensureNatsServer,
  runJob,
  startWorld,
  type World,
} from '@holdfast/embedded';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

jest.setTimeout(300_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const node = resolve(root, 'node_modules/.bin/node');
const run = promisify(execFile);

let world: World;
let dataDir: string;
let repositoryPath: string;
let address: string;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-export-'));
  world = await startWorld({
    dataDir,
    natsServer: await ensureNatsServer((line) => process.stderr.write(`${line}\n`)),
    workers: 1,
    tenant: { mailboxes: 1, messages: 60, seed: 7, profile: 'small' },
  });
  const organization = await addOrganization(world);
  repositoryPath = join(dataDir, 'repository');
  const repository = await addRepository(world, repositoryPath);
  const job = await addJob(world, { organizationId: organization.id, repositoryId: repository.id });
  await runJob(world, job.id, () => undefined, 200);
  const { items } = await world.api.get<{ items: { address: string }[] }>(
    `/organizations/${organization.id}/mailboxes`,
  );
  address = items[0]?.address ?? '';
  writeFileSync(join(dataDir, 'passphrase'), `${demoPassphrase}\n`, { mode: 0o600 });
});

afterAll(async () => {
  await world?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const program = (entry: string, args: readonly string[], env: Record<string, string> = {}) =>
  run(node, ['--disable-warning=ExperimentalWarning', resolve(root, entry), ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
    maxBuffer: 1 << 26,
  });

const cli = (...args: string[]) =>
  program('cli/src/main.ts', args, { HOLDFAST_URL: world.api.base, HOLDFAST_TOKEN: world.stack.adminToken });

const reader = (...args: string[]) =>
  program('cli/src/reader/main.ts', [
    ...['--repository', repositoryPath, '--passphrase-file', join(dataDir, 'passphrase')],
    ...args,
  ]);

/** Hash by item, from the manifests of an export. */
function hashesIn(folder: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const name of readdirSync(folder).filter((file) => /^manifest-\d+\.jsonl$/.test(file))) {
    for (const line of readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').slice(0, -1)) {
      const { itemKey, sha256 } = JSON.parse(line) as { itemKey: string; sha256: string };
      hashes.set(itemKey, sha256);
    }
  }
  return hashes;
}

test('a mailbox is exported through the API, and straight from the repository: the same messages', async () => {
  const throughApi = join(dataDir, 'through-api');
  const started = await cli('export', 'start', '--mailbox', address, '--format', 'eml', '-o', throughApi);
  expect(started.stdout).toContain('Downloaded');
  const fromRepository = join(dataDir, 'from-repository');
  await reader('export', address, '--format', 'zip', '-o', fromRepository);
  const hashes = hashesIn(throughApi);
  expect(hashes.size).toBe(60);
  expect(hashesIn(fromRepository)).toEqual(hashes);
  const messages = readdirSync(throughApi, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.eml'))
    .map((name) =>
      createHash('sha256')
        .update(readFileSync(join(throughApi, name)))
        .digest('hex'),
    );
  expect(new Set(messages)).toEqual(new Set(hashes.values()));
});

test('the recovery sheet of the API names the repository as the reader knows it', async () => {
  const { stdout } = await cli('repo', 'sheet');
  const info = JSON.parse((await reader('--json', 'info')).stdout) as { repositoryId: string };
  expect(stdout).toContain(info.repositoryId);
  expect(stdout).toContain(repositoryPath);
  expect((await reader('verify', '--contents')).stdout).toContain('No fault found');
});
