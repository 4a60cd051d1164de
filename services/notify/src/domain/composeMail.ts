import { HoldfastError, type Notification } from '@holdfast/contracts';
import type { MailMessage, ReportSource } from '../ports.ts';
import { remainingRecipients } from './decideDelivery.ts';
import { html } from './html.ts';
import { page } from './page.ts';
import { collectRestoreReport, restoreReportHtml, restoreReportText } from './restoreReport.ts';
import { collectRunReport } from './runReport.ts';
import { csvName, runReportCsv } from './runReportCsv.ts';
import { runReportHtml } from './runReportHtml.ts';
import { runReportText } from './runReportText.ts';

type Content = Pick<MailMessage, 'text' | 'html' | 'attachments'>;

/**
 * The message of a notification for those who do not have it yet, made anew from the control data at each try.
 *
 * @throws HoldfastError `report-source-gone` when what it is about was deleted meanwhile
 */
export async function composeMail(
  source: ReportSource,
  notification: Notification,
  from: string,
  baseUrl: string | undefined,
): Promise<MailMessage> {
  const { subject, messageId } = notification;
  const content = await contentOf(source, notification, baseUrl);
  return { from, to: remainingRecipients(notification), subject, messageId, ...content };
}

async function contentOf(
  source: ReportSource,
  notification: Notification,
  baseUrl: string | undefined,
): Promise<Content> {
  const { kind, refersTo } = notification;
  if (kind === 'test') return testMessage();
  if (kind === 'restore-report') {
    const session = await source.session(refersTo);
    if (session === undefined) throw gone(notification);
    const report = await collectRestoreReport(session, source.ledger(refersTo));
    return { text: restoreReportText(report), html: restoreReportHtml(report), attachments: [] };
  }
  const run = await source.run(refersTo);
  if (run === undefined) throw gone(notification);
  const report = await collectRunReport(run, await source.job(run.jobId), source.tasks(run.id), baseUrl);
  const csv = { filename: csvName(report), contentType: 'text/csv; charset=utf-8' };
  return {
    text: runReportText(report),
    html: runReportHtml(report),
    attachments: report.all === undefined ? [] : [{ ...csv, content: runReportCsv(report) }],
  };
}

function testMessage(): Content {
  const words =
    'This is the test message of Holdfast. Reports of runs and restores will arrive like this one.';
  return {
    text: `${words}\n`,
    html: page('Test message', '#1b6e3c', [html`<p>${words}</p>\n`]),
    attachments: [],
  };
}

const gone = ({ kind, refersTo }: Notification): HoldfastError =>
  new HoldfastError(
    'report-source-gone',
    'vanished',
    `${refersTo}, of which the ${kind} tells, was deleted`,
    {
      remedy: 'Nothing to do: there is nothing left to report.',
    },
  );
