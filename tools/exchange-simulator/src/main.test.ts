import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { simulatorControl } from './client.ts';
import { DEFAULT_TENANT } from './options.ts';

jest.setTimeout(60_000);

const MAIN = resolve(import.meta.dirname, 'main.ts');
const started: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) if (child.exitCode === null) await ended(child, 'SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): { child: ChildProcess; line: Promise<string>; errors: () => string } {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
  started.push(child);
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const line = new Promise<string>((done) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) done(text);
    });
  });
  return { child, line, errors: () => errors };
}

const ended = (child: ChildProcess, signal?: NodeJS.Signals) =>
  new Promise<number | null>((done) => {
    child.once('exit', (code) => done(code));
    if (signal) child.kill(signal);
  });

const temporary = () => {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-main-'));
  folders.push(folder);
  return folder;
};

describe('the command line', () => {
  test('starts, tells its addresses in one line and in a file, and ends on SIGTERM leaving nothing behind', async () => {
    const folder = temporary();
    const { child, line } = run(
      '--http-port',
      '0',
      '--mailboxes',
      '4',
      '--messages',
      '30',
      '--profile',
      'small',
      '--cert-dir',
      folder,
      '--ready-file',
      join(folder, 'ready.json'),
    );
    const told = JSON.parse(await line);
    expect(told).toMatchObject({
      url: expect.stringMatching(/^https:\/\/localhost:\d+$/),
      caFile: join(folder, 'ca.pem'),
      pid: child.pid,
      tenants: [{ tenantId: DEFAULT_TENANT, users: 4 }],
    });
    expect(JSON.parse(readFileSync(join(folder, 'ready.json'), 'utf8'))).toEqual(told);
    const control = simulatorControl(told.url, told.caFile);
    const [user] = await control.users();
    expect((await control.snapshot(user!.id)).messages).toHaveLength(30);
    expect(await ended(child, 'SIGTERM')).toBe(0);
    expect(existsSync(join(folder, 'ca.pem'))).toBe(true);
  });

  test('takes tenants from a file', async () => {
    const config = join(temporary(), 'config.json');
    writeFileSync(
      config,
      JSON.stringify({
        tenants: [
          {
            tenantId: '99999999-0000-4000-8000-000000000000',
            domain: 'other.example',
            users: [{ userPrincipalName: 'room@other.example', purpose: 'room' }],
          },
        ],
      }),
    );
    const told = JSON.parse(await run('--http-port', '0', '--config', config).line);
    expect(told.tenants).toEqual([
      { tenantId: '99999999-0000-4000-8000-000000000000', domain: 'other.example', users: 1 },
    ]);
    expect(await simulatorControl(told.httpUrl).users()).toMatchObject([
      { userPrincipalName: 'room@other.example', purpose: 'room' },
    ]);
  });

  test.each([
    [['--mailboxes', 'many']],
    [['--profile', 'huge']],
    [['--colour', 'red']],
    [['--mail', '/nowhere']],
  ])('refuses %j with a usage', async (args) => {
    const { child, errors } = run(...args);
    expect(await ended(child)).toBe(2);
    expect(errors()).toContain('usage: main.ts');
  });
});
