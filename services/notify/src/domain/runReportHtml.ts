import type { RunTask } from '@holdfast/contracts';
import { counted } from './format.ts';
import { type Html, html } from './html.ts';
import { changesLine, effortLine, gapLine, problemLine, sinceLines } from './mailboxLines.ts';
import { card, facts, heading, page, paragraph, resultColour, small, strong } from './page.ts';
import type { RunReport } from './runReport.ts';
import { changesSection, leftOutLine, totalsLines } from './runReportText.ts';
import { resultWord } from './subjectLine.ts';

const neutral = '#c9c9d2';
const colourOf = (state: string): string => resultColour[state] ?? neutral;

/** The report as HTML: problems first, then totals, then the mailboxes without problems. */
export function runReportHtml(report: RunReport): string {
  const { run, problems, good } = report;
  const result = run.outcome ?? run.state;
  const title = `${resultWord[result] ?? 'ENDED'}: ${run.jobName}, run ${run.number}`;
  const body: Html[] = [];
  if (run.error !== undefined) {
    body.push(card(colourOf('failed'), [strong(run.error.message), ...remedy(run.error.remedy)]));
  }
  if (problems.length > 0) body.push(heading('Problems'), ...problems.map((task) => problem(task, report)));
  const changes = changesSection(report);
  if (changes !== undefined) body.push(heading(changes.title), facts(changes.rows));
  body.push(heading('Totals'), facts(totalsLines(report)));
  if (good.length > 0) {
    body.push(heading(problems.length > 0 ? 'Mailboxes without problems' : 'Mailboxes'));
    body.push(...good.map((task) => goodMailbox(task, report)));
  }
  if (report.goodLeftOut > 0) body.push(paragraph(leftOutLine(report)));
  if (report.link !== undefined)
    body.push(html`<p><a href="${report.link}">Open this run in the console</a></p>\n`);
  return page(title, colourOf(result), body);
}

function problem(task: RunTask, { run, timeZone, past }: RunReport): Html {
  const at = run.finishedAt ?? run.requestedAt;
  const gaps = (task.gaps ?? []).map((gap) => gapLine(gap, timeZone));
  const unlisted = (task.totals?.gapsOpen ?? 0) - gaps.length;
  const listed = gaps.map(
    ({ what, why }) =>
      html`<li style="margin:2px 0">${what}<br><span style="color:#5b5b66;font-size:14px">${why}</span></li>\n`,
  );
  if (gaps.length > 0 && unlisted > 0) listed.push(html`<li>and ${counted(unlisted, 'more item')}</li>\n`);
  return card(colourOf(task.state), [
    strong(task.mailboxAddress),
    paragraph(problemLine(task)),
    ...sinceLines(past.failing.get(task.id), timeZone).map(paragraph),
    ...(task.error === undefined ? [] : [paragraph(`Why: ${task.error.message}`)]),
    ...remedy(task.error?.remedy),
    ...(listed.length === 0 ? [] : [html`<ul style="margin:4px 0;padding-left:20px">${listed}</ul>\n`]),
    small(changesLine(task)),
    small(effortLine(task, at)),
  ]);
}

function goodMailbox(task: RunTask, { run }: RunReport): Html {
  const at = run.finishedAt ?? run.requestedAt;
  return card(neutral, [strong(task.mailboxAddress), small(changesLine(task)), small(effortLine(task, at))]);
}

const remedy = (text: string | undefined): Html[] =>
  text === undefined ? [] : [paragraph(`What to do: ${text}`)];
