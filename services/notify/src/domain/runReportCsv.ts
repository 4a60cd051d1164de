import type { RunTask } from '@holdfast/contracts';
import { visible } from './html.ts';
import { newestPointAgeMs, taskDurationMs } from './mailboxLines.ts';
import type { RunReport } from './runReport.ts';

type Cell = string | number | undefined;

const columns: [string, (task: RunTask, atIso: string) => Cell][] = [
  ['mailbox', (task) => task.mailboxAddress],
  ['result', (task) => task.state],
  ['items new', (task) => task.totals?.itemsNew],
  ['items changed', (task) => task.totals?.itemsChanged],
  ['items deleted', (task) => task.totals?.itemsRemoved],
  ['items in all', (task) => task.totals?.itemsTotal],
  ['gaps open', (task) => task.totals?.gapsOpen],
  ['bytes read', (task) => task.totals?.bytesRead],
  ['bytes stored', (task) => task.totals?.bytesStored],
  ['seconds', (task) => seconds(taskDurationMs(task))],
  ['seconds throttled', (task) => task.totals?.throttledSeconds],
  ['newest restore point', (task) => task.newestPointTime],
  ['its age in seconds', (task, atIso) => seconds(newestPointAgeMs(task, atIso))],
  ['error', (task) => task.error?.message],
  ['what to do', (task) => task.error?.remedy],
];

export const csvName = ({ run }: RunReport): string => `run-${run.number}-mailboxes.csv`;

/** Every mailbox of the run as CSV (RFC 4180, UTF-8 with a byte order mark, for spreadsheets). */
export function runReportCsv(report: RunReport): string {
  const atIso = report.run.finishedAt ?? report.run.requestedAt;
  const rows = report.all.map((task) => columns.map(([, value]) => value(task, atIso)));
  const table = [columns.map(([name]): Cell => name), ...rows];
  return `\ufeff${table.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

const seconds = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms / 1000);

function cell(value: Cell): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  // A spreadsheet takes a cell that begins like this for a formula; names come from strangers.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${visible(text).replaceAll('"', '""')}"`;
}
