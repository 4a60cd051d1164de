import type { Alert, Run, RunTask } from '@holdfast/contracts';
import { alertTitle } from './alertMail.ts';
import { counted, formatBytes, formatDuration, formatTime } from './format.ts';
import { type Html, html, visible } from './html.ts';
import { problemLine } from './mailboxLines.ts';
import { card, facts, heading, page, paragraph, resultColour, small, strong } from './page.ts';
import { resultWord } from './subjectLine.ts';

export interface DigestRun {
  run: Run;
  timeZone: string;
  /** Mailboxes with problems, the first ones. */
  problems: RunTask[];
  problemsLeftOut: number;
}

/** What one message a day says. */
export interface Digest {
  title: string;
  period: { from: string; to: string };
  timeZone: string;
  runs: DigestRun[];
  alerts: Alert[];
  /** Jobs with a schedule of which no run ended. */
  idleJobs: string[];
  baseUrl: string | undefined;
}

const severity: Record<string, number> = { failed: 0, stopped: 1, warning: 2, success: 3 };
const outcomeOf = (run: Run): string => run.outcome ?? run.state;

function sorted(digest: Digest): { bad: DigestRun[]; good: DigestRun[] } {
  const all = digest.runs.toSorted(
    (a, b) =>
      (severity[outcomeOf(a.run)] ?? 3) - (severity[outcomeOf(b.run)] ?? 3) ||
      (a.run.finishedAt ?? '').localeCompare(b.run.finishedAt ?? ''),
  );
  const isGood = ({ run }: DigestRun): boolean => outcomeOf(run) === 'success';
  return { bad: all.filter((one) => !isGood(one)), good: all.filter(isGood) };
}

const nameOf = ({ run, timeZone }: DigestRun): string =>
  `${resultWord[outcomeOf(run)] ?? 'ENDED'}: ${run.jobName}, run ${run.number}, ${formatTime(run.startedAt ?? run.requestedAt, timeZone)}`;

function summaryOf({ run }: DigestRun): string {
  const { tasks, totals } = run;
  const gaps = totals.gapsOpen > 0 ? `, ${counted(totals.gapsOpen, 'gap')} open` : '';
  return `${tasks.success} of ${counted(tasks.total, 'mailbox', 'mailboxes')} good · ${totals.itemsNew} new, ${totals.itemsChanged} changed, ${totals.itemsRemoved} deleted · ${formatBytes(totals.bytesStored)} stored${gaps}`;
}

function mailboxLines({ problems, problemsLeftOut }: DigestRun): string[] {
  const lines = problems.flatMap((task) => [
    `${task.mailboxAddress}: ${problemLine(task)}${task.error === undefined ? '' : `: ${task.error.message}`}`,
    ...(task.error?.remedy === undefined ? [] : [`  What to do: ${task.error.remedy}`]),
  ]);
  if (problemsLeftOut > 0) lines.push(`and ${counted(problemsLeftOut, 'more mailbox', 'more mailboxes')}`);
  return lines;
}

const runWords = (one: DigestRun): string[] => [
  ...(one.run.error === undefined ? [] : [one.run.error.message]),
  ...(one.run.error?.remedy === undefined ? [] : [`What to do: ${one.run.error.remedy}`]),
];

function totals({ runs, period, timeZone }: Digest): [string, string][] {
  const sum = (pick: (run: Run) => number): number => runs.reduce((all, { run }) => all + pick(run), 0);
  const at = (iso: string) => formatTime(iso, timeZone);
  return [
    ['Period', `${at(period.from)} to ${at(period.to)} (${timeZone})`],
    ['Runs', String(runs.length)],
    [
      'Items',
      `${sum((run) => run.totals.itemsNew)} new, ${sum((run) => run.totals.itemsChanged)} changed, ${sum((run) => run.totals.itemsRemoved)} deleted`,
    ],
    [
      'Data',
      `${formatBytes(sum((run) => run.totals.bytesRead))} read, ${formatBytes(sum((run) => run.totals.bytesStored))} stored`,
    ],
    [
      'Throttled',
      `${formatDuration(sum((run) => run.totals.throttledSeconds) * 1000)} spent waiting for the mail service`,
    ],
  ];
}

const linkOf = (run: Run, baseUrl: string | undefined): string | undefined =>
  baseUrl === undefined ? undefined : new URL(`/runs/${encodeURIComponent(run.id)}`, baseUrl).href;

/** The digest as plain text: open alerts and problems first, then what went well. */
export function digestText(digest: Digest): string {
  const { bad, good } = sorted(digest);
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [title, '-'.repeat(title.length), ...lines, ''];
  const lines = [
    digest.title,
    '',
    ...section(
      'Open alerts',
      digest.alerts.flatMap((alert) => [alert.message, `  What to do: ${alert.remedy}`]),
    ),
    ...section('Jobs without a run', digest.idleJobs),
    ...section(
      'Runs with problems',
      bad.flatMap((one) => {
        const link = linkOf(one.run, digest.baseUrl);
        const below = [
          ...runWords(one),
          ...mailboxLines(one),
          summaryOf(one),
          ...(link === undefined ? [] : [link]),
        ];
        return [nameOf(one), ...below.map((line) => `  ${line}`)];
      }),
    ),
    ...section(
      'Totals',
      totals(digest).map(([name, value]) => `${name}: ${value}`),
    ),
    ...section(
      'Runs without problems',
      good.flatMap((one) => [nameOf(one), `  ${summaryOf(one)}`]),
    ),
  ];
  return `${lines.map(visible).join('\n').trimEnd()}\n`;
}

/** The digest as HTML, in the same order. */
export function digestHtml(digest: Digest): string {
  const { bad, good } = sorted(digest);
  const red = resultColour.failed ?? '';
  const neutral = '#c9c9d2';
  const worst = bad[0] ?? good[0];
  const title = (one: DigestRun): Html => {
    const link = linkOf(one.run, digest.baseUrl);
    return link === undefined
      ? strong(nameOf(one))
      : html`<div style="font-weight:600"><a href="${link}" style="color:#1c1c22">${nameOf(one)}</a></div>\n`;
  };
  const body: Html[] = [];
  if (digest.alerts.length > 0) body.push(heading('Open alerts'));
  for (const { kind, message, remedy } of digest.alerts)
    body.push(card(red, [strong(alertTitle[kind]), paragraph(message), paragraph(`What to do: ${remedy}`)]));
  if (digest.idleJobs.length > 0)
    body.push(heading('Jobs without a run'), card(red, digest.idleJobs.map(paragraph)));
  if (bad.length > 0) body.push(heading('Runs with problems'));
  for (const one of bad) {
    const colour = resultColour[outcomeOf(one.run)] ?? red;
    body.push(
      card(colour, [
        title(one),
        ...runWords(one).map(paragraph),
        ...mailboxLines(one).map(small),
        small(summaryOf(one)),
      ]),
    );
  }
  body.push(heading('Totals'), facts(totals(digest)));
  if (good.length > 0) body.push(heading('Runs without problems'));
  for (const one of good) body.push(card(neutral, [title(one), small(summaryOf(one))]));
  const colour = worst === undefined ? red : (resultColour[outcomeOf(worst.run)] ?? red);
  return page(digest.title, digest.alerts.length + digest.idleJobs.length > 0 ? red : colour, body);
}
