import { HoldfastError, type MailSettings, type Notification } from '@holdfast/contracts';
import { collectDigest } from '../collectDigest.ts';
import { collectPast } from '../collectPast.ts';
import type { MailMessage, ReportSource } from '../ports.ts';
import { alertMail } from './alertMail.ts';
import { remainingRecipients } from './decideDelivery.ts';
import { digestHtml, digestText } from './digestReport.ts';
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
  mail: Pick<MailSettings, 'from' | 'attachDetails' | 'on'>,
  baseUrl: string | undefined,
): Promise<MailMessage> {
  const { subject, messageId } = notification;
  const content = await contentOf(source, notification, mail, baseUrl);
  return { from: mail.from, to: remainingRecipients(notification), subject, messageId, ...content };
}

async function contentOf(
  source: ReportSource,
  notification: Notification,
  mail: Pick<MailSettings, 'attachDetails' | 'on'>,
  baseUrl: string | undefined,
): Promise<Content> {
  const { kind } = notification;
  switch (kind) {
    case 'test':
      return testMessage();
    case 'restore-report':
      return restoreContent(source, notification);
    case 'alert':
    case 'alert-cleared': {
      const alert = await source.alert(notification.refersTo);
      if (alert === undefined) throw gone(notification);
      return { ...alertMail(alert, kind, baseUrl), attachments: [] };
    }
    case 'digest': {
      const digest = await collectDigest(source, notification, mail, baseUrl);
      return { text: digestText(digest), html: digestHtml(digest), attachments: [] };
    }
    case 'run-report':
      return runContent(source, notification, mail.attachDetails, baseUrl);
  }
}

async function restoreContent(source: ReportSource, notification: Notification): Promise<Content> {
  const session = await source.session(notification.refersTo);
  if (session === undefined) throw gone(notification);
  const report = await collectRestoreReport(session, source.ledger(session.id));
  return { text: restoreReportText(report), html: restoreReportHtml(report), attachments: [] };
}

async function runContent(
  source: ReportSource,
  notification: Notification,
  attach: boolean,
  baseUrl: string | undefined,
): Promise<Content> {
  const run = await source.run(notification.refersTo);
  if (run === undefined) throw gone(notification);
  const report = await collectRunReport(run, await source.job(run.jobId), source.tasks(run.id), {
    ...{ baseUrl, attach, scripts: await source.scripts(run.id) },
    past: (tasks) => collectPast(source, run, tasks),
  });
  const csv = { filename: csvName(report), contentType: 'text/csv; charset=utf-8' };
  return {
    text: runReportText(report),
    html: runReportHtml(report),
    attachments: attach ? [{ ...csv, content: runReportCsv(report) }] : [],
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
