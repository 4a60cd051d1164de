import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Mail, plainMail, storeMailbox } from '@holdfast/export/testing';
import { createRepository, openBlobStore, openRepository } from '@holdfast/repository';
import { CHEAP_KDF, PASSPHRASE } from '@holdfast/repository/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runReader } from './program.ts';

const folders = {
  inbox: { name: 'Inbox' },
  projects: { name: 'Projects', parentId: 'inbox' },
  sent: { name: 'Sent Items' },
};
const report: Mail = {
  ...plainMail(200, 'projects'),
  ...{ subject: 'Résumé of the quarter', from: 'carla@example.org', hasAttachments: true },
};
let base: string;
let path: string;
let recoveryKey: string;
let pointIds: string[];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-reader-'));
  path = join(base, 'repository');
  const store = await openBlobStore({ kind: 'fs', path });
  ({ recoveryKey } = await createRepository(store, { passphrase: PASSPHRASE, kdf: CHEAP_KDF }));
  const secret = { passphrase: PASSPHRASE };
  const repository = await openRepository(store, {
    secret,
    cacheDir: join(base, 'cache'),
    threads: 0,
    commitIntervalMs: 0,
  });
  const many = Array.from({ length: 12 }, (_, n) => plainMail(n));
  const older = await storeMailbox(repository, folders, many, {
    ...{ pointId: 'aa00000000000001', time: '2026-01-01T00:00:00.000Z' },
  });
  const newer = await storeMailbox(repository, folders, [...many.slice(3), report, plainMail(300, 'sent')], {
    ...{ pointId: 'aa00000000000002', time: '2026-02-01T00:00:00.000Z' },
  });
  await storeMailbox(repository, folders, [plainMail(900)], {
    ...{
      pointId: 'bb00000000000001',
      identity: 'mailbox-2',
      address: 'bob@example.com',
      time: '2026-02-02T00:00:00.000Z',
    },
  });
  pointIds = [older.pointId, newer.pointId];
  await repository.close();
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function read(
  args: readonly string[],
  env: Record<string, string> = { HOLDFAST_REPOSITORY_PASSPHRASE: PASSPHRASE },
) {
  const written = { out: '', err: '' };
  const terminal = (stream: 'out' | 'err') => ({
    write: (text: string) => {
      written[stream] += text;
    },
    writeBytes: (_bytes: Uint8Array, done: () => void) => done(),
    isTTY: false,
    columns: 100,
  });
  const stdin = Object.assign(Readable.from(['']), { isTTY: false }) as unknown as NodeJS.ReadStream;
  const io = {
    env,
    out: terminal('out'),
    err: terminal('err'),
    stdin,
    now: () => Date.UTC(2026, 2, 1),
    sleep: async () => undefined,
  };
  const code = await runReader(['--repository', path, ...args], io);
  return { code, ...written };
}

const json = async (...args: string[]) => JSON.parse((await read(['--json', ...args])).out);

function stateOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`)
    .sort();
}

describe('holdfast-reader, with a repository and a passphrase alone', () => {
  test('lists mailboxes, restore points, folders, and says what the repository is', async () => {
    const known = (await json('mailboxes')).items as { address: string; points: number; items: number }[];
    expect(known.map(({ address, points, items }) => `${address} ${points} ${items}`).sort()).toEqual([
      'ann@example.com 2 11',
      'bob@example.com 1 1',
    ]);
    const points = (await json('points', 'ANN@example.com')).items as { id: string }[];
    expect(points.map(({ id }) => id)).toEqual(pointIds);
    const inside = (await json('folders', 'ann@example.com')).items as { path: string; count: number }[];
    expect(inside.map((folder) => `${folder.path} ${folder.count}`)).toEqual([
      '/Inbox 9',
      '/Inbox/Projects 1',
      '/Sent Items 1',
    ]);
    const facts = await json('info');
    expect(facts.format).toBe(1);
    expect(facts.slots.map((slot: { kind: string }) => slot.kind).sort()).toEqual(['passphrase', 'recovery']);
  });

  test('searches by metadata, as of the newest point or an older one', async () => {
    const subjects = async (...args: string[]) =>
      (await json('search', ...args)).items.map((item: { subject: string }) => item.subject);
    expect(await subjects('resume')).toEqual(['Résumé of the quarter']);
    expect(await subjects('--from', 'carla', '--has-attachment')).toEqual(['Résumé of the quarter']);
    expect(await subjects('--mailbox', 'ann@example.com', '--folder', '/sent items')).toEqual([
      'Subject 300',
    ]);
    expect(await subjects('Subject 1', '--mailbox', 'ann@example.com', '--at', '2026-01-15')).toContain(
      'Subject 1',
    );
    expect(await subjects('Subject 1', '--mailbox', 'ann@example.com')).not.toContain('Subject 1');
    expect(await subjects('--larger', '1G')).toEqual([]);
    expect(await subjects('--since', '2026-01-01T05:00:00Z', '--mailbox', 'bob')).toEqual(['Subject 900']);
  });

  test('exports, and goes on when it is asked again', async () => {
    const output = join(base, 'export');
    const args = ['export', 'ann@example.com', '--folder', 'Inbox', '--format', 'eml', '-o', output];
    const first = await read(args);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toContain('Exported 10 items');
    const manifest = JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ items: 10, failed: 0, what: { restorePoint: pointIds[1] } });
    const names = readdirSync(join(output, 'Inbox', 'Projects'));
    expect(names).toHaveLength(1);
    expect(
      readFileSync(join(output, 'Inbox', 'Projects', names[0] ?? '')).equals(Buffer.from(report.mime)),
    ).toBe(true);
    expect(await read(args)).toMatchObject({ code: 0 });
    expect(await read([...args, '--split', '5M'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('empty folder'),
    });
    expect(await read(['export', 'bob', '--word', 'nothing', '-o', join(base, 'none')])).toMatchObject({
      code: 3,
    });
  });

  test('changes nothing in the repository, and needs no right to', async () => {
    const before = stateOf(path);
    chmodSync(path, 0o555);
    try {
      for (const args of [
        ['info'],
        ['search', 'x'],
        ['verify', '--contents'],
        ['export', 'bob', '-o', join(base, 'bob')],
      ]) {
        await read(args);
      }
    } finally {
      chmodSync(path, 0o755);
    }
    expect(stateOf(path)).toEqual(before);
  });

  test('prints a sheet that says where it is, what opens it and what to type', async () => {
    const { out } = await read(['sheet', '--name', 'Main']);
    for (const part of [
      'Main',
      path,
      'slot ',
      'recovery key',
      'holdfast-reader export',
      '--recovery-key-file',
    ])
      expect(out).toContain(part);
    expect(out).not.toContain(PASSPHRASE);
  });

  test('opens with the recovery key', async () => {
    const file = join(base, 'recovery');
    writeFileSync(file, `${recoveryKey}\n`);
    expect(await read(['--recovery-key-file', file, 'points', 'bob'], {})).toMatchObject({ code: 0 });
  });

  test('verifies, and names what is damaged', async () => {
    expect(await read(['verify', '--contents'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('No fault'),
    });
    const pack = readdirSync(path, { recursive: true, encoding: 'utf8' }).find(
      (name) => name.startsWith('packs/') && statSync(join(path, name)).isFile(),
    );
    const file = join(path, pack ?? '');
    const whole = readFileSync(file);
    const broken = Buffer.from(whole);
    broken[broken.length >> 1] = (broken[broken.length >> 1] ?? 0) ^ 1;
    chmodSync(file, 0o644);
    try {
      writeFileSync(file, broken);
      const { code, out } = await read(['verify', '--contents']);
      expect(code).toBe(3);
      expect(out).toContain('damaged');
    } finally {
      writeFileSync(file, whole);
    }
  });

  test.each([
    [['points', 'nobody@example.com'], 2, 'no mailbox "nobody@example.com"'],
    [['export', 'bob', '-o', '/dev/null/x'], 1, 'choose another folder'],
    [['export', 'bob', '--format', 'pst', '-o', '/nowhere'], 2, 'eml, zip, mbox, json'],
    [['search', '--since', 'yesterday'], 2, '--since'],
    [['search', '--larger', 'big'], 2, '--larger'],
    [['folders', 'bob', '--at', '2020-01-01'], 2, 'no restore point so early'],
    [['export', 'bob', '--folder', 'Nowhere', '-o', '/nowhere'], 2, 'no folder "Nowhere"'],
    [['export', 'bob', '--split', '10k', '-o', '/nowhere'], 2, '--split'],
    [['points'], 2, 'missing required argument'],
  ])('refuses %j', async (args, code, words) => {
    const result = await read(args);
    expect(result.code).toBe(code);
    expect(result.err.toLowerCase()).toContain(words.toLowerCase());
  });

  test.each([
    ['a wrong passphrase', { HOLDFAST_REPOSITORY_PASSPHRASE: 'wrong' }, 'does not open'],
    ['no passphrase', {}, '--passphrase-file'],
  ])('with %s says so', async (_what, env, words) => {
    const result = await read(['mailboxes'], env);
    expect(result.code).not.toBe(0);
    expect(result.err).toContain(words);
  });

  test('of a folder that is none, or no repository, says so and makes nothing', async () => {
    const nowhere = join(base, 'nowhere');
    expect(await read(['--repository', nowhere, 'info'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('ENOENT'),
    });
    expect(readdirSync(base)).not.toContain('nowhere');
    expect(await read(['--repository', base, 'info'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no repository'),
    });
  });
});

test('an export leaves Recoverable Items out until it is asked for them, and says so', async () => {
  const secret = { passphrase: PASSPHRASE };
  const cacheDir = join(base, 'cache');
  const options = { secret, cacheDir, threads: 0, commitIntervalMs: 0 };
  const repository = await openRepository(await openBlobStore({ kind: 'fs', path }), options);
  const all = {
    inbox: { name: 'Inbox' },
    root: { name: 'Recoverable Items', role: 'recoverableitemsroot' },
    purges: { name: 'Purges', parentId: 'root' },
  };
  const dora = { address: 'dora@example.com', identity: 'mailbox-dora', pointId: 'dd00000000000001' };
  await storeMailbox(repository, all, [plainMail(1), plainMail(2, 'purges')], dora);
  await repository.close();
  const exported = async (name: string, ...more: string[]) => {
    const output = join(base, name);
    const { err } = await read(['export', 'dora', '--format', 'eml', '-o', output, ...more]);
    const files = readdirSync(output, { recursive: true, encoding: 'utf8' });
    return { mail: files.filter((file) => file.endsWith('.eml')).length, told: err };
  };
  expect(await exported('dora-1')).toEqual({ mail: 1, told: expect.stringContaining('--recoverable') });
  expect(await exported('dora-2', '--recoverable')).toMatchObject({ mail: 2 });
  expect(await exported('dora-3', '--folder', 'Recoverable Items')).toMatchObject({ mail: 1 });
});
