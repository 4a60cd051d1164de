import { writeFile } from 'node:fs/promises';
import { collections } from '@holdfast/contracts';
import { serveQuestion } from '@holdfast/messaging';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../services/api/src/testing/startTestApi.ts';
import { cliFor } from './testing/startCli.ts';

let api: TestApi;
let directory: TemporaryDirectory;
const cli = cliFor(() => api);

beforeAll(async () => {
  directory = temporaryDirectory('cli');
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert('jobs', buildJob());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
  );
});
afterAll(async () => {
  await api.stop();
  directory.remove();
});

describe('exit codes and errors', () => {
  test.each([
    ['help', ['--help'], 0],
    ['an unknown command', ['orgg'], 2],
    ['an unknown option', ['org', 'list', '--colour'], 2],
    ['a missing argument', ['run', 'watch'], 2],
    ['a number that is none', ['run', 'list', '--limit', 'x'], 2],
    ['an address that is none', ['--url', 'ftp://x', 'org', 'list'], 2],
    ['nobody listening', ['--url', 'http://127.0.0.1:9', 'org', 'list'], 4],
    ['a wrong token', ['--token', 'wrong', 'org', 'list'], 4],
    ['a token file that is missing', ['--token-file', '/nowhere', 'org', 'list'], 2],
    ['a name nobody has', ['job', 'show', 'nope'], 2],
    ['an id nobody has', ['restore', 'show', 'restore-9'], 1],
  ])('%s', async (what, args, code) => {
    const result = await cli.run(args, {
      asProcess: ['help', 'nobody listening', 'a missing argument'].includes(what),
    });
    expect([result.code, result.err]).toEqual([code, code === 0 ? '' : expect.stringMatching(/error/)]);
  });

  test('a refusal shows the cause, each field and the remedy', async () => {
    const result = await cli.run([
      'job',
      'create',
      '--name',
      'Bad',
      '--all',
      '--daily',
      '25:00',
      '--keep-last',
      '99999',
    ]);
    expect(result.code).toBe(1);
    expect(result.err).toContain('schedules[0].start: must be a time of day');
    expect(result.err).toContain('retention.keepLast:');
    expect(result.err).toContain('Correct the named fields');
    expect(result.out).toBe('');
  });

  test('with --json the error is one document on stderr and stdout stays empty', async () => {
    const result = await cli.run(['--json', 'job', 'create', '--name', 'Bad', '--all', '--daily', '25:00']);
    expect(result.out).toBe('');
    expect(JSON.parse(result.err)).toMatchObject({
      error: {
        code: 'invalid-input',
        problems: [{ field: 'schedules[0].start' }],
        remedy: expect.any(String),
      },
    });
  });
});

describe('setting up', () => {
  test('org add takes the secret from a file, stdin or the environment, never from the command line', async () => {
    const add = (name: string, ...args: string[]) => [
      'org',
      'add',
      '--name',
      name,
      '--tenant',
      't.example',
      '--client-id',
      'a',
      ...args,
    ];
    await writeFile(directory.at('secret'), 'from-file\n');
    const results = [
      await cli.json(add('One', '--secret-file', directory.at('secret'))),
      await cli.json(add('Two', '--secret-file', '-'), { input: 'from-stdin', asProcess: true }),
      await cli.json(add('Three'), { env: { HOLDFAST_CLIENT_SECRET: 'from-env' } }),
    ];
    const opened = await Promise.all(
      results.map(async ({ code, document }) => {
        expect(code).toBe(0);
        const credential = (await api.store.collection(collections.organizations).get(document.id))?.doc
          .credential;
        if (credential?.kind !== 'secret') throw new Error('expected a secret');
        return api.sealer.open(credential.sealedSecret, `organization:${document.id}`);
      }),
    );
    expect(opened).toEqual(['from-file', 'from-stdin', 'from-env']);
    const none = await cli.run(add('Four'));
    expect(none.code).toBe(2);
    expect(none.err).toContain('--secret-file');
    for (const { document } of results) await api.call('DELETE', `/organizations/${document.id}`);
  });

  test.each([
    ['success', 0],
    ['warning', 3],
    ['failure', 1],
  ] as const)('org verify with a %s ends with %i and shows each check', async (result, code) => {
    const checks = [{ code: 'token', name: 'token', result, meaning: 'what it means', remedy: 'what to do' }];
    const running = await serveQuestion(api.messaging, 'default', 'verifyOrganization', async () => ({
      checks,
    }));
    const shown = await cli.run(['org', 'verify', 'contoso']);
    await running.stop();
    expect(shown.code).toBe(code);
    expect(shown.out).toContain('what it means what to do');
  });

  test('org verify without a worker says what to start', async () => {
    const result = await cli.run(['org', 'verify', 'org-1']);
    expect(result).toMatchObject({ code: 1, err: expect.stringContaining('Start a worker') });
  });

  test('repo add shows the recovery key once', async () => {
    const running = await serveQuestion(api.messaging, 'default', 'prepareRepository', async () => ({
      engineId: 'e',
      recoveryKey: 'RECOVERY-KEY-1',
    }));
    const made = await cli.run(['repo', 'add', '--name', 'Second', '--path', '/srv/second'], {
      env: { HOLDFAST_PASSPHRASE: 'a long passphrase' },
    });
    await running.stop();
    expect(made.code).toBe(0);
    expect(made.out).toContain('RECOVERY-KEY-1');
    expect((await cli.run(['repo', 'list'])).out).not.toContain('RECOVERY');
    const all = await api.store.collection(collections.repositories).find({ where: { name: 'Second' } });
    await api.store.collection(collections.repositories).delete(all.items[0]?.doc.id ?? '');
  });

  test('job create reads YAML with names, and flags win over it', async () => {
    const file = directory.at('job.yaml');
    const yaml = [
      'name: From file',
      'organization: contoso',
      'repository: main',
      'sources:',
      '  - { kind: mailbox, address: anna@contoso.example }',
      'schedules:',
      '  - { kind: daily, start: "21:30", timeZone: Europe/Berlin, days: [1, 5] }',
      'retention: { keepLast: 7 }',
    ];
    await writeFile(file, yaml.join('\n'));
    const made = await cli.json([
      'job',
      'create',
      '-f',
      file,
      '--keep-last',
      '9',
      '--recipient',
      'a@b.example',
    ]);
    expect(made.code).toBe(0);
    expect(made.document).toMatchObject({
      name: 'From file',
      organizationId: 'org-1',
      repositoryId: 'repo-1',
      schedules: [{ days: [1, 5] }],
      retention: { keepLast: 9 },
      recipients: ['a@b.example'],
    });
    const list = await cli.run(['job', 'list']);
    expect(list.out).toContain('Mon, Fri 21:30 Europe/Berlin');
    expect((await cli.run(['job', 'delete', 'from FILE'])).code).toBe(0);
    await writeFile(file, 'name: [');
    expect(await cli.run(['job', 'create', '-f', file])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is no YAML'),
    });
  });

  test('job edit changes what is given and keeps the rest; a shown job is a file again', async () => {
    const create = ['job', 'create', '--name', 'Edited', '--org', 'contoso', '--repo', 'main', '--all'];
    const window = ['--end', '05:00', '--time-zone', 'Europe/Berlin', '--days', 'mon,sun'];
    const made = await cli.json([...create, '--daily', '21:30', ...window, '--concurrency', '5']);
    expect(made.document).toMatchObject({
      schedules: [{ kind: 'daily', start: '21:30', end: '05:00', endsNextDay: true, days: [1, 7] }],
      options: { concurrency: 5, retry: { times: 3 } },
    });
    const nextTimes = await cli.json(['job', 'next', 'edited', '--count', '3']);
    expect(nextTimes.document.items).toHaveLength(3);
    expect((await cli.run(['job', 'next', 'edited', '--count', '3'])).out).toMatch(/T21:30:00\+0[12]:00/);
    const shown = await cli.run(['job', 'show', 'edited', '--yaml']);
    const file = directory.at('edited.yaml');
    await writeFile(file, shown.out);
    const same = await cli.json(['job', 'edit', 'edited', '-f', file]);
    expect(same.document.schedules).toEqual(made.document.schedules);
    const flags = ['--monthly', '02:00', '--on', 'last fri', '--retry-times', '0', '--no-catch-up'];
    const changed = await cli.json(['job', 'edit', 'edited', ...flags]);
    expect(changed.document).toMatchObject({
      name: 'Edited',
      schedules: [{ kind: 'monthly', week: 'last', weekday: 5, start: '02:00' }],
      options: { concurrency: 5, retry: { times: 0, pauseMinutes: 10 } },
      catchUp: false,
    });
    const follower = ['job', 'create', '--name', 'Next', '--org', 'contoso', '--repo', 'main', '--all'];
    const added = await cli.json([...follower, '--after', 'edited', '--after-results', 'success,failed']);
    expect(added.document.schedules).toMatchObject([
      { kind: 'after', jobId: made.document.id, outcomes: ['success', 'failed'] },
    ]);
    expect((await cli.run(['job', 'next', 'Next'])).out).toContain(`after each run of ${made.document.id}`);
    const onDemand = await cli.json(['job', 'edit', 'Next', '--on-demand']);
    expect(onDemand.document.schedules).toEqual([]);
    const several = ['--schedule', '{kind: daily, start: "08:00", timeZone: UTC}', '--every', '4h'];
    const both = await cli.json(['job', 'edit', 'Next', ...several, '--start', '06:00']);
    expect(both.document.schedules).toMatchObject([
      { kind: 'daily', start: '08:00' },
      { kind: 'periodic', every: 4, unit: 'hours', start: '06:00' },
    ]);
    const wrong = await cli.run(['job', 'edit', 'Next', '--daily', '08:00', '--every', '4h']);
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('are two schedules') });
    for (const name of ['Next', 'Edited']) expect((await cli.run(['job', 'delete', name])).code).toBe(0);
  });

  test('the flags of a policy change its rules one by one, and 0 takes one away', async () => {
    const create = ['job', 'create', '--name', 'Kept', '--org', 'contoso', '--repo', 'main', '--all'];
    const file = directory.at('kept.yaml');
    await writeFile(file, 'retention: { keepLast: 7, daily: 14 }');
    const made = await cli.json([...create, '-f', file, '--keep-last', '9']);
    expect(made.document.retention).toMatchObject({ keepLast: 9, daily: 14 });
    const edited = await cli.json(['job', 'edit', 'Kept', '--keep-monthly', '12', '--keep-last', '0']);
    expect(edited.document.retention).toEqual({ daily: 14, monthly: 12, timeZone: 'UTC', weekStartsOn: 1 });
    const nothing = await cli.run(['job', 'edit', 'Kept', '--keep-monthly', '0', '--keep-daily', '0']);
    expect(nothing).toMatchObject({ code: 1, err: expect.stringContaining('nothing would be kept') });
    // A single refused field is told once.
    expect(nothing.err.match(/retention\.keepLast/g)).toHaveLength(1);
    expect((await cli.run(['job', 'delete', 'Kept'])).code).toBe(0);
  });

  test('scripts are given by their path or as YAML, and taken away; --script-fails needs one', async () => {
    const serving = await serveQuestion(api.messaging, 'default', 'checkScripts', async ({ scripts }) => ({
      problems: scripts.map(() => []),
    }));
    const create = ['job', 'create', '--name', 'Scripted', '--org', 'contoso', '--repo', 'main', '--all'];
    const yaml = '{path: /srv/s/before.sh, arguments: [a, "b c"], timeLimitSeconds: 60, wait: false}';
    const made = await cli.json([...create, '--before-script', yaml, '--after-script', '/srv/s/after.sh']);
    expect(made.document.scripts).toMatchObject({
      before: { path: '/srv/s/before.sh', arguments: ['a', 'b c'], timeLimitSeconds: 60, wait: false },
      after: { path: '/srv/s/after.sh', wait: true, onFailure: 'continue' },
    });
    const less = await cli.json(['job', 'edit', 'Scripted', '--before-script', 'none']);
    expect(less.document.scripts).toMatchObject({ after: { path: '/srv/s/after.sh' } });
    expect(less.document.scripts).not.toHaveProperty('before');
    expect(await cli.run(['job', 'edit', 'Scripted', '--script-fails'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--before-script or --after-script'),
    });
    expect((await cli.run(['job', 'edit', 'Scripted', '--before-script', '{path'])).code).toBe(2);
    await serving.stop();
    expect((await cli.run(['job', 'delete', 'Scripted'])).code).toBe(0);
  });

  test('a job is shown with names, its last run and who is told; the times when it stops are on its clocks', async () => {
    const create = ['job', 'create', '--name', 'Shown', '--org', 'contoso', '--repo', 'main', '--all'];
    const window = ['--daily', '21:30', '--end', '06:00', '--time-zone', 'Asia/Tokyo'];
    const report = ['--recipient', 'a@b.example', '--recipients-only', '--report-on', 'failed'];
    const { document: job } = await cli.json([...create, ...window, ...report]);
    const run = { id: 'run-s', jobId: job.id, number: 1, state: 'warning' as const };
    await api.store.collection(collections.runs).insert(buildRun(run));
    const shown = (await cli.run(['job', 'show', 'Shown'])).out;
    expect(shown).toMatch(/organization\s+Contoso\n/);
    expect(shown).toMatch(/repository\s+Main\n/);
    expect(shown).toMatch(/last run\s+#1 warning/);
    expect(shown).toMatch(/recipients\s+a@b\.example \(instead of the global ones\)/);
    expect(shown).toMatch(/reports\s+failed\n/);
    expect((await cli.run(['job', 'list'])).out).toMatch(/Shown[^\n]*warning/);
    const times = (await cli.run(['job', 'next', 'Shown', '--count', '2'])).out;
    expect(times).toMatch(/T21:30:00\+09:00[^\n]*T06:00:00\+09:00[^\n]*Asia\/Tokyo/);
    const beside = await cli.json(['job', 'edit', 'Shown', '--no-recipients-only']);
    expect(beside.document.notifications).toEqual({ recipients: 'add', on: ['failed'] });
    expect((await cli.run(['job', 'delete', 'Shown'])).code).toBe(0);
  });

  test('job stop ends what is at work, run retry asks for what failed', async () => {
    const create = ['job', 'create', '--name', 'Stopped', '--org', 'contoso', '--repo', 'main', '--all'];
    const { document: job } = await cli.json(create);
    expect((await cli.run(['job', 'stop', 'Stopped'])).err).toContain('is not running');
    const { document: run } = await cli.json(['job', 'run', 'Stopped']);
    const stopped = await cli.json(['job', 'stop', 'Stopped']);
    expect(stopped.document.items).toMatchObject([{ id: run.id, stopRequested: true, stopReason: 'user' }]);
    const failed = { id: 'run-f', jobId: job.id, state: 'failed' as const, number: 7 };
    await api.store.collection(collections.runs).insert(buildRun(failed));
    const task = { runId: 'run-f', jobId: job.id, mailboxId: 'mbx-f', state: 'failed' as const };
    await api.store.collection(collections.runTasks).insert(buildRunTask(task));
    const again = await cli.json(['run', 'retry', 'run-f']);
    expect(again.document).toMatchObject({ retryOf: 'run-f', onlyMailboxes: ['mbx-f'] });
  });

  test('settings set changes what is given and keeps the rest', async () => {
    const first = ['settings', 'mail', '--host', 'h', '--port', '25', '--security', 'none'];
    const mail = ['--from', 'a@b.example', '--to', 'c@d.example; e@f.example', '--user', 'u'];
    const set = await cli.json([...first, ...mail], { env: { HOLDFAST_MAIL_PASSWORD: 'pw' } });
    expect(set.document.mail).toMatchObject({ host: 'h', port: 25, passwordSet: true });
    const changed = await cli.json(['settings', 'set', '--base-url', 'https://b.example']);
    expect(changed.document).toMatchObject({
      baseUrl: 'https://b.example',
      mail: { host: 'h', passwordSet: true },
    });
    expect((await cli.run(['settings', 'show'])).out).toMatch(/password\s+kept/);
    const digest = await cli.json([
      'settings',
      'mail',
      '--digest',
      '07:00',
      '--time-zone',
      'UTC',
      '--on',
      'failed,warning',
    ]);
    expect(digest.document).toMatchObject({
      baseUrl: 'https://b.example',
      mail: {
        digest: { time: '07:00', timeZone: 'UTC' },
        on: ['failed', 'warning'],
        recipients: ['c@d.example', 'e@f.example'],
      },
    });
    expect((await cli.json(['settings', 'mail', '--digest', 'off'])).document.mail).not.toHaveProperty(
      'digest',
    );
    const refused = await cli.run(['settings', 'mail', '--digest', '25:00', '--to', 'nobody']);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringMatching(/recipients\[0\](.|\n)*digest.time/),
    });
  });

  test('settings alerts switches single alerts and moves their thresholds', async () => {
    const args = [
      '--disable',
      'proxy-offline',
      '--threshold',
      'restore-point-old=24',
      '--to',
      'on@call.example',
    ];
    const changed = await cli.json(['settings', 'alerts', ...args]);
    expect(changed.document).toMatchObject({
      ...{ proxyOffline: { enabled: false }, restorePointOld: { enabled: true, afterHours: 24 } },
      recipients: ['on@call.example'],
    });
    expect((await cli.run(['settings', 'alerts'])).out).toMatch(/restore-point-old\W+yes\W+afterHours 24/);
    expect((await cli.run(['settings', 'alerts', '--enable', 'nothing'])).code).toBe(2);
    expect((await cli.run(['settings', 'alerts', '--threshold', 'proxy-offline=0'])).err).toContain(
      'proxyOffline.afterMinutes',
    );
  });

  test('alert list shows what is open and ends with 3', async () => {
    expect((await cli.run(['alert', 'list'])).code).toBe(0);
    const at = '2026-02-01T00:00:00.000Z';
    const about = {
      kind: 'job-overdue',
      about: 'job-1',
      message: 'Job "X" did not run.',
      remedy: 'Start it.',
    };
    const alert = { id: 'alert-1', state: 'open', details: [], since: at, raisedAt: at, ...about };
    await api.insert('alerts', alert);
    expect(await cli.run(['alert', 'list'])).toMatchObject({
      code: 3,
      out: expect.stringContaining('did not run'),
    });
    expect((await cli.json(['alert', 'show', 'alert-1'])).document).toEqual(alert);
    await api.store.collection(collections.alerts).delete('alert-1');
  });

  test('webhook add shows the secret once; a filter that fits no event is refused', async () => {
    const add = [
      'webhook',
      'add',
      '--name',
      'Tickets',
      '--endpoint',
      'http://127.0.0.1:9/x',
      '--event',
      'run.*,alert.raised',
    ];
    const made = await cli.json(add);
    expect(made.document).toMatchObject({
      events: ['run.*', 'alert.raised'],
      secret: expect.stringMatching(/^whsec_/),
    });
    expect((await cli.run(['webhook', 'list'])).out).toMatch(/Tickets.*works/);
    expect((await cli.run(['webhook', 'show', 'tickets'])).out).not.toContain('whsec_');
    const bad = await cli.run([
      'webhook',
      'add',
      '--name',
      'B',
      '--endpoint',
      'http://hooks.example.com',
      '--event',
      'runn.*',
    ]);
    expect(bad).toMatchObject({ code: 1, err: expect.stringContaining('events[0]') });
    expect((await cli.json(['webhook', 'rotate-secret', 'tickets'])).document.secret).not.toBe(
      made.document.secret,
    );
    expect((await cli.json(['webhook', 'change', 'tickets', '--disable'])).document.enabled).toBe(false);
    expect((await cli.run(['webhook', 'replay', 'tickets'])).err).toContain('--enable');
    expect((await cli.run(['webhook', 'dead', 'tickets'])).code).toBe(0);
    expect((await cli.run(['webhook', 'remove', 'tickets'])).code).toBe(0);
  });
});

test('job create says who gets its reports, of which outcomes, and when to raise alerts', async () => {
  const to = ['--recipient', 'a@b.example', '--recipients-only', '--report-on', 'failed,warning'];
  const made = await cli.json([
    'job',
    'create',
    '--name',
    'Own',
    '--all',
    ...to,
    '--max-point-age',
    '24',
    '--overdue-after',
    '30',
  ]);
  expect(made.document?.notifications).toEqual({
    ...{ recipients: 'replace', on: ['failed', 'warning'] },
    ...{ maxPointAgeHours: 24, overdueAfterMinutes: 30 },
  });
  expect((await cli.run(['job', 'delete', 'own'])).code).toBe(0);
});
