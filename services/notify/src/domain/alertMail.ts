import type { Alert, AlertKind } from '@holdfast/contracts';
import { formatDuration, formatTime } from './format.ts';
import { html, visible } from './html.ts';
import { card, facts, page, paragraph, resultColour, small, strong } from './page.ts';

/** What an alert is called in a subject. */
export const alertTitle: Record<AlertKind, string> = {
  'job-overdue': 'nothing ran',
  'restore-point-old': 'restore points are old',
  'proxy-offline': 'a proxy is offline',
  'credential-expiring': 'a credential expires',
  'retention-guarded': 'retention was stopped by its guard',
  'repository-space-low': 'a repository is nearly full',
  'webhook-failing': 'a webhook takes nothing',
};

const timeZone = 'UTC';
const longestSubject = 160;

/** `[Holdfast] ALERT: nothing ran: Job "Nightly" should have run …`, in one line. */
export function alertSubject(alert: Alert): string {
  const word = alert.state === 'open' ? 'ALERT' : 'ALL CLEAR';
  const text = visible(`[Holdfast] ${word}: ${alertTitle[alert.kind]}: ${alert.message}`).replaceAll(
    /\s+/g,
    ' ',
  );
  return text.length <= longestSubject ? text : `${text.slice(0, longestSubject - 1)}…`;
}

/** The message of an alert that was raised, or the short one when it is over. */
export function alertMail(
  alert: Alert,
  kind: 'alert' | 'alert-cleared',
  baseUrl: string | undefined,
): { text: string; html: string } {
  const isOver = kind === 'alert-cleared';
  const title = `${isOver ? 'ALL CLEAR' : 'ALERT'}: ${alertTitle[alert.kind]}`;
  const rows = factRows(alert);
  const link =
    baseUrl === undefined ? undefined : new URL(`/alerts/${encodeURIComponent(alert.id)}`, baseUrl).href;
  const words = isOver ? [`It is over: ${alert.clearedBecause ?? ''}`] : [`What to do: ${alert.remedy}`];
  const details = isOver ? [] : alert.details;
  const text = [
    title,
    '',
    alert.message,
    ...words,
    '',
    ...details.map((detail) => `- ${detail}`),
    ...(details.length === 0 ? [] : ['']),
    ...rows.map(([name, value]) => `${name}: ${value}`),
    ...(link === undefined ? [] : ['', `More: ${link}`]),
  ];
  const colour = resultColour[isOver ? 'success' : 'failed'] ?? '';
  const body = [
    card(colour, [strong(alert.message), ...words.map(paragraph), ...details.map(small)]),
    facts(rows),
    ...(link === undefined ? [] : [html`<p><a href="${link}">Open this alert in the console</a></p>\n`]),
  ];
  return { text: `${text.map(visible).join('\n')}\n`, html: page(title, colour, body) };
}

function factRows(alert: Alert): [string, string][] {
  const at = (iso: string) => `${formatTime(iso, timeZone)} (${timeZone})`;
  const rows: [string, string][] = [
    ['Since', at(alert.since)],
    ['Raised', at(alert.raisedAt)],
  ];
  if (alert.clearedAt !== undefined) {
    const lastedMs = new Date(alert.clearedAt).getTime() - new Date(alert.raisedAt).getTime();
    rows.push(['Over', `${at(alert.clearedAt)}, after ${formatDuration(lastedMs)}`]);
  }
  return rows;
}
