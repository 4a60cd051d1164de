import { collections, type Run } from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  type TemporaryDirectory,
  temporaryDirectory,
  waitFor,
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

describe('runs', () => {
  const finished = (id: string, state: Run['state'], number: number) =>
    buildRun({
      id,
      state,
      number,
      requestedAt: `2026-02-0${number}T00:00:00.000Z`,
      startedAt: '2026-02-01T00:00:00.000Z',
      finishedAt: '2026-02-01T00:02:05.000Z',
      tasks: { total: 1, success: 0, warning: 1, failed: 0, stopped: 0 },
    });

  test('job run --watch follows the run and ends with its result', async () => {
    const running = cli.json([
      'job',
      'run',
      'all mailboxes',
      '--mailbox',
      'ANNA@contoso.example',
      '--key',
      'k',
    ]);
    const { document } = await running;
    expect(document).toMatchObject({ state: 'requested', onlyMailboxes: ['mbx-1'] });
    const watching = cli.start(['run', 'watch', document.id, '--json'], { asProcess: true });
    const runs = api.store.collection(collections.runs);
    const tasks = { total: 2, success: 1, warning: 0, failed: 0, stopped: 0 };
    await modify(runs, document.id, (run) => ({ ...run, state: 'running' as const, tasks }));
    const progress = await api.messaging.keyValue('progress', { ttlMs: 60_000, parse: (value) => value });
    const counters = {
      kind: 'sync',
      id: 't',
      owner: document.id,
      label: 'x',
      phase: 'items',
      at: '2026-03-01T00:00:00.000Z',
    };
    await progress.put('t', { ...counters, done: 5, total: 10, bytes: 1 });
    await waitFor(() => watching.result.out.includes('"done":5'), { what: 'the running state on stdout' });
    await modify(runs, document.id, (run) => ({
      ...run,
      state: 'warning' as const,
      finishedAt: '2026-03-01T00:00:00.000Z',
      tasks: { ...tasks, success: 1, warning: 1 },
    }));
    const watched = await watching.done;
    const records = watched.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(watched.code).toBe(3);
    expect(records.at(-1).run.state).toBe('warning');
    expect(records.length).toBeGreaterThan(1);
  });

  test('run watch draws one line anew on a terminal, with a bar and a time left', async () => {
    await api.insert(
      'runs',
      buildRun({
        id: 'run-drawn',
        state: 'running',
        tasks: { total: 4, success: 1, warning: 0, failed: 0, stopped: 0 },
      }),
    );
    const watching = cli.start(['run', 'watch', 'run-drawn'], { terminal: true });
    await waitFor(() => watching.result.out.includes(' 25%'), { what: 'the bar' });
    expect(watching.result.out).toContain('[######------------------]');
    expect(watching.result.out).toContain('ETA');
    await modify(api.store.collection(collections.runs), 'run-drawn', (run) => ({
      ...run,
      state: 'success' as const,
      finishedAt: '2026-03-01T00:00:00.000Z',
    }));
    expect((await watching.done).code).toBe(0);
    expect(watching.result.out).toContain('100%');
    expect(watching.result.out).toContain('\u001b[32msuccess');
  });

  test.each([
    ['success', 0],
    ['warning', 3],
    ['failed', 1],
    ['stopped', 1],
    ['skipped', 3],
  ] as const)('run watch of a run that is %s ends with %i', async (state, code) => {
    await api.insert('runs', finished(`run-${state}`, state, 1));
    const result = await cli.run(['run', 'watch', `run-${state}`]);
    expect(result.code).toBe(code);
    expect(result.out).toContain(state);
    expect(result.out).toContain('2 min 05 s');
    expect(result.out).not.toContain('\u001b');
  });

  test('run show names a run by job and number, with problems and hostile subjects made harmless', async () => {
    const gap = {
      itemKey: 'i',
      folderId: 'f',
      folderPath: '/Inbox',
      subject: 'evil \u001b[2J\u001b]0;title\u0007\r\n subject \u202etxt.exe',
      code: 'corrupt',
      reason: 'cannot be read',
      firstSeen: '2026-03-01T00:00:00.000Z',
      lastTried: '2026-03-01T00:00:00.000Z',
      tries: 1,
      nextTry: '2026-03-02T00:00:00.000Z',
    };
    await api.insert('runs', finished('run-77', 'warning', 7));
    await api.insert('runTasks', buildRunTask({ runId: 'run-77', state: 'warning', gaps: [gap] }));
    const result = await cli.run(['run', 'show', 'All mailboxes#7']);
    expect(result.code).toBe(0);
    expect(result.out).toContain('cannot be read');
    expect(result.out).toContain('evil');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is the point
    expect(result.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
    expect((await cli.json(['run', 'show', 'run-77'])).document.gapList.items[0].subject).toBe(gap.subject);
  });
});

describe('events tail', () => {
  test('prints NDJSON of what was missed and of what happens, and ends after the count', async () => {
    const add = (name: string) =>
      api.call('POST', '/jobs', {
        body: { name, organizationId: 'org-1', repositoryId: 'repo-1', sources: [{ kind: 'organization' }] },
      });
    for (const name of ['J1', 'J2', 'J3']) {
      await add(name);
      await api.clock.advance(1_000);
    }
    const log = await api.call('GET', '/events?order=asc&name=job.changed');
    const [first, second, third] = log.body.items.map((event: { id: string }) => event.id);
    const args = ['events', 'tail', '--json', '--type', 'job.*', '--after', first, '--count', '3'];
    const tailing = cli.start(args, { asProcess: true });
    await waitFor(() => tailing.result.out.includes(third), { what: 'what was missed' });
    await add('J4');
    const { code, out } = await tailing.done;
    expect(code).toBe(0);
    const ids = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    expect(ids.slice(0, 2)).toEqual([second, third]);
    expect(ids).toHaveLength(3);
  });
});
