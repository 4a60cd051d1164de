import type { Run, RunTask } from '@holdfast/contracts';
import { changeLines } from './compareRuns.ts';
import { counted, formatBytes, formatDuration, formatTime } from './format.ts';
import { visible } from './html.ts';
import { changesLine, effortLine, gapLine, problemLine, sinceLines } from './mailboxLines.ts';
import type { RunReport } from './runReport.ts';
import { csvName } from './runReportCsv.ts';
import { resultWord } from './subjectLine.ts';

/** The report as plain text: problems first, then totals, then the mailboxes without problems. */
export function runReportText(report: RunReport): string {
  const { run } = report;
  const lines = [
    `${resultWord[run.outcome ?? run.state] ?? 'ENDED'}: ${run.jobName}, run ${run.number}`,
    '',
    ...(run.error === undefined ? [] : [`${run.error.message}.`, ...remedyLines(run.error.remedy), '']),
    ...section(
      'Problems',
      report.problems.flatMap((task) => problemText(task, report)),
    ),
    ...changesText(report),
    ...section(
      'Totals',
      totalsLines(report).map(([name, value]) => `${name}: ${value}`),
    ),
    ...section(
      report.problems.length > 0 ? 'Mailboxes without problems' : 'Mailboxes',
      report.good.flatMap((task) => goodText(task, report)),
    ),
    ...(report.goodLeftOut > 0 ? [leftOutLine(report), ''] : []),
    ...(report.link === undefined ? [] : [`More: ${report.link}`, '']),
  ];
  return `${lines.map(visible).join('\n').trimEnd()}\n`;
}

/** The totals of a run as name and value, the same in text and HTML. */
export function totalsLines({ run, scripts, timeZone }: RunReport): [string, string][] {
  const { totals, tasks } = run;
  const started = run.startedAt ?? run.requestedAt;
  const finished = run.finishedAt ?? started;
  const durationMs = new Date(finished).getTime() - new Date(started).getTime();
  return [
    ['Started', `${formatTime(started, timeZone)} (${timeZone}), took ${formatDuration(durationMs)}`],
    ...stopLine(run, timeZone),
    [
      'Mailboxes',
      `${tasks.total}: ${tasks.success} good, ${tasks.warning} with warnings, ${tasks.failed} failed, ${tasks.stopped} stopped`,
    ],
    [
      'Items',
      `${totals.itemsNew} new, ${totals.itemsChanged} changed, ${totals.itemsRemoved} deleted, ${totals.itemsTotal} in all`,
    ],
    ['Gaps', `${totals.gapsOpen} open, ${totals.gapsHealed} healed in this run`],
    ['Data', `${formatBytes(totals.bytesRead)} read, ${formatBytes(totals.bytesStored)} stored`],
    ['Throttled', `${formatDuration(totals.throttledSeconds * 1000)} spent waiting for the mail service`],
    ...scripts.map(({ message, phase, state }): [string, string] => [
      `Script ${phase} the run`,
      message === undefined ? state : `${state}, ${message}`,
    ]),
  ];
}

function stopLine({ outcome, stopAt, stopReason }: Run, timeZone: string): [string, string][] {
  if (outcome !== 'stopped' || stopReason === undefined) return [];
  if (stopReason === 'user') return [['Stopped by', 'a person']];
  return [
    ['Stopped by', `the end of its time${stopAt === undefined ? '' : `, ${formatTime(stopAt, timeZone)}`}`],
  ];
}

export const leftOutLine = (report: RunReport): string => {
  const where = report.attach
    ? csvName(report)
    : `run ${report.run.number} (holdfast run show ${report.run.id})`;
  return `${counted(report.goodLeftOut, 'more mailbox', 'more mailboxes')} without problems; all of them are in ${where}.`;
};

/** Title and lines of what has changed since the run before; undefined when nothing has. */
export function changesSection({ past }: RunReport): { title: string; rows: [string, string][] } | undefined {
  if (past.changes === undefined) return undefined;
  const rows = changeLines(past.changes);
  return rows.length === 0 ? undefined : { title: `Changes since run ${past.changes.previousNumber}`, rows };
}

function changesText(report: RunReport): string[] {
  const changes = changesSection(report);
  return changes === undefined
    ? []
    : section(
        changes.title,
        changes.rows.map(([name, value]) => `${name}: ${value}`),
      );
}

function problemText(task: RunTask, { run, timeZone, past }: RunReport): string[] {
  const at = run.finishedAt ?? run.requestedAt;
  const gaps = (task.gaps ?? []).map((gap) => gapLine(gap, timeZone));
  const unlisted = (task.totals?.gapsOpen ?? 0) - gaps.length;
  return [
    `${task.mailboxAddress}: ${problemLine(task)}`,
    ...sinceLines(past.failing.get(task.id), timeZone).map((line) => `  ${line}`),
    ...(task.error === undefined ? [] : [`  Why: ${task.error.message}`]),
    ...remedyLines(task.error?.remedy).map((line) => `  ${line}`),
    `  ${changesLine(task)} · ${effortLine(task, at)}`,
    ...gaps.map(({ what, why }) => `  - ${what}: ${why}`),
    ...(gaps.length > 0 && unlisted > 0 ? [`  - and ${counted(unlisted, 'more item')}`] : []),
    '',
  ];
}

function goodText(task: RunTask, { run }: RunReport): string[] {
  const at = run.finishedAt ?? run.requestedAt;
  return [task.mailboxAddress, `  ${changesLine(task)} · ${effortLine(task, at)}`];
}

const remedyLines = (remedy: string | undefined): string[] =>
  remedy === undefined ? [] : [`What to do: ${remedy}`];

function section(title: string, lines: string[]): string[] {
  if (lines.length === 0) return [];
  const body = lines.at(-1) === '' ? lines : [...lines, ''];
  return [title, '-'.repeat(title.length), ...body];
}
