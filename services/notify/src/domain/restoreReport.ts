import type { LedgerLine, RestoreSession } from '@holdfast/contracts';
import { counted, formatBytes, formatDuration, formatTime } from './format.ts';
import { type Html, html, visible } from './html.ts';
import { card, facts, heading, page, paragraph, resultColour, small, strong } from './page.ts';
import { resultWord } from './subjectLine.ts';

export interface RestoreReport {
  session: RestoreSession;
  /** Items that failed or came back different, at most `listedItems`. */
  problems: LedgerLine[];
  problemsLeftOut: number;
}

const listedItems = 200;
const timeZone = 'UTC';

/** Puts the report of a restore together from the session and its ledger. */
export async function collectRestoreReport(
  session: RestoreSession,
  ledger: AsyncIterable<LedgerLine>,
): Promise<RestoreReport> {
  const problems: LedgerLine[] = [];
  let problemsLeftOut = 0;
  for await (const line of ledger) {
    if (!isProblem(line)) continue;
    if (problems.length < listedItems) problems.push(line);
    else problemsLeftOut += 1;
  }
  return { session, problems, problemsLeftOut };
}

const isProblem = (line: LedgerLine): boolean =>
  line.action === 'failed' || line.readBack === 'different' || line.notRestored.length > 0;

/** The mailbox, or the first of several. */
export const mailboxText = ({ mailboxAddress, parts }: RestoreSession): string =>
  parts <= 1
    ? mailboxAddress
    : `${mailboxAddress} and ${counted(parts - 1, 'more mailbox', 'more mailboxes')}`;

const titleOf = ({ session }: RestoreReport): string =>
  `${resultWord[session.state] ?? 'ENDED'}: Restore of ${mailboxText(session)}`;

function factRows(report: RestoreReport): [string, string][] {
  const { session } = report;
  const { progress } = session;
  const started = session.startedAt ?? session.requestedAt;
  const durationMs = new Date(session.finishedAt ?? started).getTime() - new Date(started).getTime();
  return [
    [
      'From',
      `the restore point of ${formatTime(session.pointTime, timeZone)} (${timeZone}) of ${mailboxText(session)}`,
    ],
    [
      'To',
      `${session.targetAddress}${session.input.target.folderPath === undefined ? '' : `, folder ${session.input.target.folderPath}`}`,
    ],
    ['Requested by', session.requestedBy],
    ['Started', `${formatTime(started, timeZone)} (${timeZone}), took ${formatDuration(durationMs)}`],
    [
      'Items',
      `${progress.created} created, ${progress.overwritten} replaced, ${progress.renamed} created under another name, ${progress.skipped} left as they are, ${progress.failed} failed`,
    ],
    ...planRows(report.session),
    [
      'Read back',
      progress.different === 0
        ? 'everything is as it was'
        : `${counted(progress.different, 'item')} came back different`,
    ],
    [
      'Data',
      `${formatBytes(progress.bytes)}, ${formatDuration(progress.throttledSeconds * 1000)} spent waiting for the mail service`,
    ],
  ];
}

/** What was meant, beside what was done. */
function planRows({ plan, progress, approvedBy }: RestoreSession): [string, string][] {
  if (plan === undefined) return [];
  const { create, overwrite, rename, skip, cannot } = plan;
  const asPlanned =
    progress.deviated === 0
      ? 'done as planned'
      : `${counted(progress.deviated, 'item')} done otherwise, because the target had changed`;
  return [
    [
      'Plan',
      `${create} to create, ${overwrite} to replace, ${rename} to create under another name, ${skip} to leave; ${asPlanned}`,
    ],
    ...(cannot === 0
      ? []
      : [['Not restorable', `${counted(cannot, 'item')} that the backup does not have`] as [string, string]]),
    ...(approvedBy === undefined ? [] : [['Approved by', approvedBy] as [string, string]]),
  ];
}

function problemWords(line: LedgerLine): string[] {
  const words: string[] = [];
  if (line.error !== undefined) words.push(line.error.message);
  if (line.error?.remedy !== undefined) words.push(`What to do: ${line.error.remedy}`);
  for (const { property, expected, actual } of line.differences) {
    words.push(`${property}: was "${expected}", came back as "${actual}"`);
  }
  for (const { what, why } of line.notRestored) words.push(`${what} was not restored: ${why}`);
  return words;
}

const itemName = (line: LedgerLine): string =>
  `${line.folderPath}: ${line.subject === '' ? '(no subject)' : line.subject}`;
const leftOut = (report: RestoreReport): string =>
  `and ${counted(report.problemsLeftOut, 'more item')}; the ledger of session ${report.session.id} has all of them.`;

export function restoreReportText(report: RestoreReport): string {
  const { error } = report.session;
  const lines = [titleOf(report), ''];
  if (error !== undefined)
    lines.push(error.message, ...(error.remedy === undefined ? [] : [`What to do: ${error.remedy}`]), '');
  if (report.problems.length > 0) lines.push('Problems', '--------');
  for (const line of report.problems)
    lines.push(itemName(line), ...problemWords(line).map((word) => `  ${word}`), '');
  if (report.problemsLeftOut > 0) lines.push(leftOut(report), '');
  lines.push('Facts', '-----', ...factRows(report).map(([name, value]) => `${name}: ${value}`));
  return `${lines.map(visible).join('\n')}\n`;
}

export function restoreReportHtml(report: RestoreReport): string {
  const { error, state } = report.session;
  const red = resultColour.failed ?? '';
  const body: Html[] = [];
  if (error !== undefined) {
    body.push(
      card(red, [
        strong(error.message),
        ...(error.remedy === undefined ? [] : [paragraph(`What to do: ${error.remedy}`)]),
      ]),
    );
  }
  if (report.problems.length > 0) body.push(heading('Problems'));
  for (const line of report.problems)
    body.push(card(red, [strong(itemName(line)), ...problemWords(line).map(small)]));
  if (report.problemsLeftOut > 0) body.push(html`<p>${leftOut(report)}</p>\n`);
  body.push(heading('Facts'), facts(factRows(report)));
  return page(titleOf(report), resultColour[state] ?? red, body);
}
