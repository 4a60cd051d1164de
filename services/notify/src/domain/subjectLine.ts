import type { RestoreSession, Run, subjectVariables } from '@holdfast/contracts';
import { counted, formatTime } from './format.ts';
import { visible } from './html.ts';

const mark = '[Holdfast]';
const longestName = 80;
const longestReason = 120;

/** The result in capitals: it is what one looks for in a list of messages. */
export const resultWord: Record<string, string> = {
  success: 'SUCCESS',
  warning: 'WARNING',
  failed: 'FAILED',
  stopped: 'STOPPED',
  skipped: 'SKIPPED',
  cancelled: 'CANCELLED',
};

/** `[Holdfast] WARNING: Nightly: 98 of 100 mailboxes, 2 with gaps - 2026-11-22 02:10` */
export function runSubject(run: Run, timeZone: string): string {
  const word = resultWord[run.outcome ?? run.state] ?? 'ENDED';
  const when = formatTime(run.startedAt ?? run.requestedAt, timeZone);
  return line(`${mark} ${word}: ${short(run.jobName, longestName)}: ${summary(run)} - ${when}`);
}

function summary(run: Run): string {
  const { total, success, warning, failed, stopped } = run.tasks;
  if (total === 0) return short(run.error?.message ?? 'no mailbox was backed up', longestReason);
  const parts = [`${success.toLocaleString('en-US')} of ${counted(total, 'mailbox', 'mailboxes')}`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (warning > 0) parts.push(`${warning} with ${run.totals.gapsOpen > 0 ? 'gaps' : 'warnings'}`);
  if (stopped > 0) parts.push(`${stopped} stopped`);
  return parts.join(', ');
}

/** `[Holdfast] SUCCESS: Restore of ann@contoso.example: 12 items - 2026-11-22 02:10` */
export function restoreSubject(session: RestoreSession): string {
  const word = resultWord[session.state] ?? 'ENDED';
  const { created, overwritten, skipped, renamed, failed, different } = session.progress;
  const parts = [counted(created + renamed + overwritten, 'item')];
  if (skipped > 0) parts.push(`${skipped} skipped`);
  if (different > 0) parts.push(`${different} different`);
  if (failed > 0) parts.push(`${failed} failed`);
  const when = formatTime(session.finishedAt ?? session.requestedAt, 'UTC');
  return line(
    `${mark} ${word}: Restore of ${short(session.mailboxAddress, longestName)}: ${parts.join(', ')} - ${when}`,
  );
}

/** One line without control characters: a name must not be able to add a header. */
const line = (text: string): string => visible(text).replaceAll(/\s+/g, ' ').trim();

function short(text: string, longest: number): string {
  const characters = [...text];
  return characters.length <= longest ? text : `${characters.slice(0, longest - 1).join('')}…`;
}

/** The subject by the template of the mail settings; what stands for each variable is in `subjectVariables`. */
export function templateSubject(
  template: string,
  run: Run,
  organizationName: string,
  timeZone: string,
): string {
  const issues = run.tasks.failed + run.tasks.warning + run.tasks.stopped;
  const values: Record<keyof typeof subjectVariables, string> = {
    '%JobResult%': resultWord[run.outcome ?? run.state] ?? 'ENDED',
    '%JobName%': short(run.jobName, longestName),
    '%OrganizationName%': short(organizationName, longestName),
    '%ObjectCount%': String(run.tasks.total),
    '%Issues%': issues === 0 ? '' : counted(issues, 'mailbox with problems', 'mailboxes with problems'),
    '%RunNumber%': String(run.number),
    '%Time%': formatTime(run.startedAt ?? run.requestedAt, timeZone),
  };
  return line(
    template.replaceAll(/%[A-Za-z]+%/g, (name) =>
      Object.hasOwn(values, name) ? values[name as keyof typeof values] : name,
    ),
  );
}
