import type { Gap, RunTask } from '@holdfast/contracts';
import type { FailingSince } from './compareRuns.ts';
import { counted, formatBytes, formatDuration, formatTime } from './format.ts';

/** `12 new, 3 changed, 0 deleted`; what the run did to the copy of a mailbox. */
export function changesLine(task: RunTask): string {
  const totals = task.totals;
  if (totals === undefined) return 'nothing was read';
  const { itemsNew, itemsChanged, itemsRemoved } = totals;
  if (itemsNew + itemsChanged + itemsRemoved === 0) return `unchanged, ${counted(totals.itemsTotal, 'item')}`;
  return `${itemsNew} new, ${itemsChanged} changed, ${itemsRemoved} deleted`;
}

/** `1.2 MB read, 0.4 MB stored`, duration and age of the newest restore point. */
export function effortLine(task: RunTask, atIso: string): string {
  const parts: string[] = [];
  if (task.totals !== undefined) {
    parts.push(`${formatBytes(task.totals.bytesRead)} read, ${formatBytes(task.totals.bytesStored)} stored`);
  }
  const durationMs = taskDurationMs(task);
  if (durationMs !== undefined) parts.push(formatDuration(durationMs));
  parts.push(ageLine(task, atIso));
  return parts.join(' · ');
}

/** How old the newest complete restore point is at the time of the report: what would be lost by a disaster now. */
export function ageLine(task: RunTask, atIso: string): string {
  const ageMs = newestPointAgeMs(task, atIso);
  return ageMs === undefined
    ? 'no complete restore point'
    : `newest restore point ${formatDuration(ageMs)} old`;
}

export function newestPointAgeMs(task: RunTask, atIso: string): number | undefined {
  if (task.newestPointTime === undefined) return undefined;
  return Math.max(0, new Date(atIso).getTime() - new Date(task.newestPointTime).getTime());
}

export function taskDurationMs(task: RunTask): number | undefined {
  if (task.startedAt === undefined || task.finishedAt === undefined) return undefined;
  return Math.max(0, new Date(task.finishedAt).getTime() - new Date(task.startedAt).getTime());
}

/** What is wrong with a mailbox, in words. */
export function problemLine(task: RunTask): string {
  const gapsOpen = task.totals?.gapsOpen ?? 0;
  const what: Record<RunTask['state'], string> = {
    failed: `failed after ${counted(task.attempts, 'attempt')}`,
    stopped: 'stopped before it was complete; what is stored stays usable',
    warning: 'backed up',
    success: 'backed up',
    queued: 'not begun',
    running: 'still at work',
  };
  const words = task.state === 'failed' && task.attempts === 0 ? 'not backed up' : what[task.state];
  return gapsOpen > 0 ? `${words}; ${counted(gapsOpen, 'item')} could not be stored` : words;
}

/** `Since 2026-11-20 02:10, 3 runs in a row`; nothing for what fails for the first time. */
export function sinceLines(failing: FailingSince | undefined, timeZone: string): string[] {
  if (failing === undefined || failing.runs < 2) return [];
  return [`Since ${formatTime(failing.since, timeZone)}, ${failing.runs} runs in a row`];
}

/** Folder, subject, reason and next try of an item that is known and not stored. */
export function gapLine(gap: Gap, timeZone: string): { what: string; why: string } {
  const subject = gap.subject === undefined || gap.subject === '' ? '(no subject)' : gap.subject;
  const tries = counted(gap.tries, 'try', 'tries');
  return {
    what: `${gap.folderPath}: ${subject}`,
    why: `${gap.reason} (since ${formatTime(gap.firstSeen, timeZone)}, ${tries}, next ${formatTime(gap.nextTry, timeZone)})`,
  };
}
