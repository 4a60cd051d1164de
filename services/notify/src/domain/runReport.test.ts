import type { Run, RunTask, ScriptRecord } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { listed, sampleGap, sampleJob, sampleRun, sampleTask, totals } from '../testing/samples.ts';
import { compareRuns, noPast } from './compareRuns.ts';
import { collectRunReport, goodRows, type RunReport } from './runReport.ts';
import { runReportCsv } from './runReportCsv.ts';
import { runReportHtml } from './runReportHtml.ts';
import { runReportText } from './runReportText.ts';
import { runSubject } from './subjectLine.ts';

const collect = (run: Run, tasks: RunTask[], baseUrl?: string, past = noPast): Promise<RunReport> =>
  collectRunReport(run, sampleJob(), listed(tasks), { baseUrl, past: async () => past });

const failedTask = sampleTask(1, {
  state: 'failed',
  attempts: 3,
  totals: undefined,
  newestPointTime: '2026-11-20T01:10:02.000Z',
  error: {
    code: 'mailbox-locked',
    errorClass: 'permanent-mailbox',
    message: 'the mailbox is locked by an administrator',
    remedy: 'Unlock the mailbox in the admin center.',
  },
} as Partial<RunTask>);
const gapTask = sampleTask(2, {
  state: 'warning',
  totals: totals({ itemsNew: 5, itemsTotal: 900, gapsOpen: 3, bytesRead: 90_000, bytesStored: 40_000 }),
  gaps: [sampleGap(), sampleGap({ subject: '', folderPath: '/Archive', tries: 1 })],
});
const unchangedTask = sampleTask(3, {
  totals: totals({ itemsTotal: 77 }),
  newestPointTime: '2026-11-19T13:25:07.000Z',
});

describe('the report of a run with problems', () => {
  const run = sampleRun({ tasks: { total: 4, success: 2, warning: 1, failed: 1, stopped: 0 } });
  const tasks = [sampleTask(0), failedTask, gapTask, unchangedTask];
  const before = [sampleTask(0, { state: 'failed' }), failedTask, gapTask, sampleTask(9)];
  const past = {
    changes: compareRuns(tasks, before, 40),
    failing: new Map([[failedTask.id, { since: '2026-11-20T01:10:02.000Z', runs: 3 }]]),
  };

  test('as text: problems first and worst first, each with what to do', async () => {
    expect(
      runReportText(await collect(run, tasks, 'https://backup.contoso.example', past)),
    ).toBe(`WARNING: Nightly, run 41

Problems
--------
user1@contoso.example: failed after 3 attempts
  Since 2026-11-20 02:10, 3 runs in a row
  Why: the mailbox is locked by an administrator
  What to do: Unlock the mailbox in the admin center.
  nothing was read · 12 s · newest restore point 2 d old

user2@contoso.example: backed up; 3 items could not be stored
  5 new, 0 changed, 0 deleted · 90.0 KB read, 40.0 KB stored · 12 s · newest restore point 15 min 5 s old
  - /Inbox/Invoices: Invoice 2231: the service cannot read this item (since 2026-11-20 02:12, 3 tries, next 2026-11-23 02:12)
  - /Archive: (no subject): the service cannot read this item (since 2026-11-20 02:12, 1 try, next 2026-11-23 02:12)
  - and 1 more item

Changes since run 40
--------------------
Recovered: 1: user0@contoso.example
New in the scope: 1: user3@contoso.example
Left the scope: 1: user9@contoso.example

Totals
------
Started: 2026-11-22 02:10 (Europe/Berlin), took 15 min 5 s
Mailboxes: 4: 2 good, 1 with warnings, 1 failed, 0 stopped
Items: 1204 new, 311 changed, 87 deleted, 412300 in all
Gaps: 3 open, 1 healed in this run
Data: 96.4 MB read, 41.2 MB stored
Throttled: 12 s spent waiting for the mail service

Mailboxes without problems
--------------------------
user0@contoso.example
  12 new, 3 changed, 0 deleted · 1.2 MB read, 410 KB stored · 12 s · newest restore point 15 min 5 s old
user3@contoso.example
  unchanged, 77 items · 0 B read, 0 B stored · 12 s · newest restore point 2 d 12 h old

More: https://backup.contoso.example/runs/run-1
`);
  });

  test('as HTML', async () => {
    const html = runReportHtml(await collect(run, tasks, 'https://backup.contoso.example', past));
    expect(html).toMatchSnapshot();
  });

  test('without a run before there is nothing to compare with', async () => {
    expect(runReportText(await collect(run, tasks))).not.toMatch(/Changes since|in a row/);
  });
});

test('a run that could not begin says why and what to do, in the message and in its subject', async () => {
  const run = sampleRun({
    state: 'failed',
    outcome: 'failed',
    tasks: { total: 0, success: 0, warning: 0, failed: 0, stopped: 0 },
    totals: totals({}),
    error: {
      code: 'credential-expired',
      errorClass: 'configuration',
      message: 'the client secret of Contoso expired on 2026-11-20',
      remedy: 'Make a new secret in Entra ID and enter it in the organization.',
    },
  });
  const report = await collect(run, []);
  expect(runReportText(report)).toContain(
    'the client secret of Contoso expired on 2026-11-20.\nWhat to do: Make a new secret in Entra ID',
  );
  expect(runReportHtml(report)).toContain('What to do: Make a new secret in Entra ID');
  expect(runSubject(run, 'Europe/Berlin')).toBe(
    '[Holdfast] FAILED: Nightly: the client secret of Contoso expired on 2026-11-20 - 2026-11-22 02:10',
  );
});

describe('a run of 3,000 mailboxes', () => {
  const tasks = Array.from({ length: 3000 }, (_, position) =>
    sampleTask(position, position % 10 === 0 ? { state: 'stopped' } : {}),
  );
  const run = sampleRun({ tasks: { total: 3000, success: 2700, warning: 0, failed: 0, stopped: 300 } });

  test('lists all problems, 200 of the others, and says where the rest is', async () => {
    const report = await collect(run, tasks);
    expect(report.problems.length).toBe(300);
    expect(report.good.length).toBe(goodRows);
    for (const message of [runReportText(report), runReportHtml(report)]) {
      expect(message).toContain(
        '2,500 more mailboxes without problems; all of them are in run-41-mailboxes.csv.',
      );
      expect(message.match(/user\d+@contoso\.example/g)?.length).toBe(500);
    }
  });

  test('has every mailbox in the CSV file', async () => {
    const lines = runReportCsv(await collect(run, tasks)).split('\r\n');
    expect(lines.length).toBe(3002);
    expect(lines[0]?.startsWith('\ufeff"mailbox","result","items new"')).toBe(true);
    expect(lines[2]).toBe(
      '"user1@contoso.example","success",12,3,0,4100,0,1240000,410000,12,0,"2026-11-22T01:10:02.000Z",905,,',
    );
  });
});

describe('names that mean harm', () => {
  const evil = `<img src=x onerror="alert('1')">\r\nBcc: all@contoso.example\u202e`;
  const run = sampleRun({
    jobName: evil,
    error: { code: evil, errorClass: 'ours', message: evil, remedy: evil },
  });
  const task = sampleTask(1, {
    mailboxAddress: evil,
    state: 'warning',
    error: { code: 'x', errorClass: 'ours', message: evil, remedy: evil },
    gaps: [sampleGap({ subject: evil, folderPath: evil, reason: evil })],
  });

  test('are text in the HTML', async () => {
    const page = runReportHtml(
      await collect(run, [task, sampleTask(2, { mailboxAddress: evil })], 'https://x.example/'),
    );
    expect(page).not.toMatch(/<img/i);
    expect(page.match(/<[a-z]+ [^>]*onerror/gi)).toBeNull();
    expect(page).not.toContain('\u202e');
  });

  test('add no line to the text', async () => {
    expect(runReportText(await collect(run, [task]))).not.toMatch(/^Bcc:/m);
  });

  test('add no header to the subject', () => {
    expect(runSubject(run, 'UTC')).not.toMatch(/[\r\n\u202e]/);
  });

  test('are no formulas in a spreadsheet and do not leave their cell', async () => {
    const tasks = Array.from({ length: goodRows + 2 }, (_, position) =>
      sampleTask(position, { mailboxAddress: position === 0 ? '=HYPERLINK("http://x","y")' : 'a","b' }),
    );
    const lines = runReportCsv(await collect(sampleRun(), tasks)).split('\r\n');
    expect(lines[1]?.startsWith(`"'=HYPERLINK(""http://x"",""y"")",`)).toBe(true);
    expect(lines[2]?.startsWith('"a"",""b","success",')).toBe(true);
  });
});

test('whatever the names are, the page has the same tags as with plain ones', async () => {
  const tags = (page: string): string[] => page.match(/<\/?[a-zA-Z!][^>]*>/g) ?? [];
  const build = (text: string): Promise<RunReport> =>
    collect(sampleRun({ jobName: `x${text}` }), [
      sampleTask(1, {
        mailboxAddress: text,
        state: 'warning',
        error: { code: 'x', errorClass: 'ours', message: text, remedy: text },
        gaps: [sampleGap({ subject: `x${text}`, folderPath: text, reason: text })],
      }),
    ]);
  const plain = tags(runReportHtml(await build('plain')));
  const strings = fc.string({
    unit: fc.constantFrom('<', '>', '"', "'", '&', '/', 'a', ' ', '\n', '\u2028'),
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(strings, async (text) => {
      expect(tags(runReportHtml(await build(text)))).toEqual(plain);
    }),
  );
});

describe('the report of a run that was stopped, with scripts', () => {
  const script = { path: '/srv/s/before.sh', arguments: [], timeLimitSeconds: 60, wait: true };
  const scripts: ScriptRecord[] = [
    {
      ...{
        id: 'run-41.before',
        runId: 'run-41',
        jobId: 'job-1',
        phase: 'before',
        state: 'failed',
        output: '',
      },
      ...{
        script: { ...script, onFailure: 'continue' },
        outputCut: false,
        message: 'it ended with exit code 3',
      },
    },
  ];
  const stopped = (given: Partial<Run>) =>
    collectRunReport(
      sampleRun({ state: 'stopped', outcome: 'stopped', ...given }),
      sampleJob(),
      listed([sampleTask(0, { state: 'stopped' })]),
      { scripts },
    );

  test('says what stopped it, on the clocks of the job, and what became of the scripts', async () => {
    const byTime = await stopped({ stopReason: 'window-end', stopAt: '2026-11-22T05:00:00.000Z' });
    for (const text of [runReportText(byTime), runReportHtml(byTime).replace(/<[^>]*>/g, '')]) {
      expect(text).toContain('Stopped by: the end of its time, 2026-11-22 06:00');
      expect(text).toContain('Script before the run: failed, it ended with exit code 3');
    }
    expect(runReportText(await stopped({ stopReason: 'user' }))).toContain('Stopped by: a person');
  });
});
