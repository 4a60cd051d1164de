import type { Progress, Run } from '@holdfast/contracts';
import { type Page, step } from './client.ts';
import type { Context } from './context.ts';
import { exitCodes } from './errors.ts';
import { patiently } from './patience.ts';
import { createProgressMeter, progressLine } from './progressMeter.ts';
import { safeText } from './screen.ts';
import { bytesText, durationText, timeText } from './units.ts';

const pauseMs = 1_000;
/** On something that is no terminal: a line when this much has changed. */
const lineEvery = 0.05;

const exitOf: Readonly<Record<string, number>> = {
  success: exitCodes.ok,
  warning: exitCodes.warning,
  skipped: exitCodes.warning,
};

export const ended = (run: Run): boolean =>
  run.finishedAt !== undefined && !['requested', 'running', 'completing'].includes(run.state);

/** Share of a run that is done: finished mailboxes, and those at work by their own share. */
export function shareOf(run: Run, progress: readonly Progress[]): number | undefined {
  const { total, success, warning, failed, stopped } = run.tasks;
  if (total === 0) return undefined;
  const finished = success + warning + failed + stopped;
  let atWork = 0;
  for (const { done, total: of } of progress)
    if (of !== undefined && of > 0) atWork += Math.min(1, done / of);
  return Math.min(1, (finished + Math.min(atWork, total - finished)) / total);
}

const retryText = ({ retry }: Run): string | undefined => {
  if (retry === undefined || (retry.done === 0 && retry.at === undefined)) return undefined;
  const next = retry.at === undefined ? '' : `, next at ${timeText(retry.at)}`;
  return `${retry.done} of ${retry.times} for failed mailboxes${next}`;
};

const stopText = ({ stopReason, stopAt }: Run): string | undefined => {
  if (stopReason === undefined) return undefined;
  return stopReason === 'user' ? 'a person' : `the end of its time, ${timeText(stopAt)}`;
};

const askedText = ({ fireTime, requestedBy, trigger }: Run): string =>
  trigger === 'schedule' ? `by its schedule, ${timeText(fireTime)}`.replace(/, $/, '') : `by ${requestedBy}`;

const namedMoves = 5;

/** `2: a@b.example, c@d.example (excluded-mailbox)` */
function movesText(moves: NonNullable<Run['scope']>['joined'] | undefined): string | undefined {
  if (moves === undefined || moves.count === 0) return undefined;
  const names = moves.mailboxes
    .slice(0, namedMoves)
    .map(({ address, reason }) => (reason === undefined ? address : `${address} (${reason})`));
  return `${moves.count}: ${names.join(', ')}${moves.count > namedMoves ? ', …' : ''}`;
}

/** What a run is doing, in a word or a few. */
const stateText = ({ state, retry }: Run): string =>
  state === 'running' && retry?.at !== undefined
    ? `waits until ${timeText(retry.at)} to try failed mailboxes again`
    : state;

/** The result of a run for people. */
export function showRun({ screen }: Context, run: Run): void {
  const { tasks, totals } = run;
  const seconds =
    run.startedAt === undefined || run.finishedAt === undefined
      ? undefined
      : (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000;
  screen.line(`${safeText(run.jobName)} #${run.number}: ${screen.mark(run.state)}`);
  screen.facts([
    ['asked for', askedText(run)],
    ['started', timeText(run.startedAt)],
    [
      'mailboxes',
      `${tasks.total}: ${tasks.success} ok, ${tasks.warning} warning, ${tasks.failed} failed, ${tasks.stopped} stopped`,
    ],
    [
      'items',
      `${totals.itemsNew} new, ${totals.itemsChanged} changed, ${totals.itemsRemoved} removed, ${totals.itemsTotal} in all`,
    ],
    ['gaps', `${totals.gapsOpen} open, ${totals.gapsHealed} healed`],
    [
      'read',
      `${bytesText(totals.bytesRead)} in ${totals.requests} requests, ${durationText(totals.throttledSeconds)} throttled`,
    ],
    ['stored', bytesText(totals.bytesStored)],
    ['retries', retryText(run)],
    ['stopped by', stopText(run)],
    ['joined', movesText(run.scope?.joined)],
    ['left', movesText(run.scope?.left)],
    ['finished', timeText(run.finishedAt)],
    ['duration', seconds === undefined ? undefined : durationText(seconds)],
    ['error', run.error?.message],
    ['remedy', run.error?.remedy],
  ]);
}

/** Follows a run to its end. @returns the exit code of its result */
export async function watchRun(context: Context, runId: string): Promise<number> {
  const { client, io, screen } = context;
  const meter = createProgressMeter();
  let told = '';
  let toldShare = -1;
  for (;;) {
    const run = await patiently(io, () => client.get<Run>(`/runs/${step(runId)}`));
    const progress = ended(run)
      ? []
      : (await patiently(io, () => client.get<Page<Progress>>(`/runs/${step(runId)}/progress`))).items;
    const share = ended(run) ? 1 : shareOf(run, progress);
    const counters = progress.map(({ id, done, bytes }) => ({ id, done, bytes }));
    const reading = meter.add({ at: io.now(), share, counters });
    const line = progressLine(`${safeText(run.jobName)} ${stateText(run)}`, reading);
    const news = run.state !== told || (share ?? 0) - toldShare >= lineEvery || ended(run);
    if (screen.live) screen.redraw(line);
    else if (news && screen.json) screen.record({ run, progress });
    else if (news) screen.line(line);
    if (news) [told, toldShare] = [run.state, share ?? 0];
    if (ended(run)) {
      screen.settle();
      if (!screen.json) showRun(context, run);
      return exitOf[run.state] ?? exitCodes.failed;
    }
    await io.sleep(pauseMs);
  }
}
