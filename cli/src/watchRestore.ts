import { hasRestoreEnded, type RestoreSession, waitingRestoreStates } from '@holdfast/contracts';
import { step } from './client.ts';
import type { Context } from './context.ts';
import { exitCodes } from './errors.ts';
import { patiently } from './patience.ts';
import { createProgressMeter, progressLine } from './progressMeter.ts';
import { safeText } from './screen.ts';
import { bytesText, durationText, timeText } from './units.ts';

const pauseMs = 1_000;
const lineEvery = 0.05;

/** Nothing more happens by itself: it has ended, or waits for a person. */
const settled = (session: RestoreSession): boolean =>
  hasRestoreEnded(session) ||
  (session.state === waitingRestoreStates[0] && !session.cancelRequested) ||
  session.state === waitingRestoreStates[1];

export const mailboxText = ({ mailboxAddress, parts }: RestoreSession): string =>
  parts === 1 ? mailboxAddress : `${mailboxAddress} and ${parts - 1} more`;

/** What was chosen, in a few words. */
export function whatText({ input: { selection } }: RestoreSession): string {
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  switch (selection.kind) {
    case 'mailbox':
      return 'whole mailbox';
    case 'folders':
      return selection.folders.length === 1
        ? `folder ${selection.folders[0]}`
        : counted(selection.folders.length, 'folder');
    case 'items':
      return counted(selection.items.length, 'item');
    case 'search':
      return `${counted(selection.items.length, 'item')} of a search`;
  }
}

const exitOf: Readonly<Record<string, number>> = {
  success: exitCodes.ok,
  warning: exitCodes.warning,
  planned: exitCodes.ok,
  paused: exitCodes.warning,
};

/** The result of a restore or an export for people. */
export function showRestore({ screen }: Context, session: RestoreSession): void {
  const { error, kind, plan, state } = session;
  const isExport = kind === 'export';
  screen.line(`${kind} ${session.id}: ${screen.mark(state)}`);
  screen.facts([
    ['mailbox', mailboxText(session)],
    ['what', whatText(session)],
    ['to', isExport ? undefined : session.targetAddress],
    ['as of', timeText(session.pointTime)],
    ['asked by', `${session.requestedBy}, ${timeText(session.requestedAt)}`],
    ...(isExport ? exportFacts(session) : [...planFacts(session), ...restoreFacts(session)]),
    ['error', error?.message],
    ['remedy', error?.remedy],
  ]);
  for (const { message } of plan?.warnings ?? []) screen.note(message);
  if (state === 'planned') {
    screen.line(`It waits. Look: holdfast restore plan ${session.id}`);
    screen.line(`Let it go on: holdfast restore approve ${session.id} --confirm ${plan?.digest}`);
  }
  if (state === 'paused') screen.line(`It is paused. Go on: holdfast restore resume ${session.id}`);
}

type Facts = [string, string | number | undefined][];

function restoreFacts({ progress }: RestoreSession): Facts {
  return [
    ['items', `${progress.itemsDone} of ${progress.itemsTotal}`],
    ['created', progress.created],
    ['skipped', progress.skipped],
    ['renamed', progress.renamed],
    ['overwritten', progress.overwritten],
    ['failed', progress.failed],
    ['different', progress.different],
    ['not as planned', progress.deviated],
    ['folders made', progress.foldersCreated],
    [
      'sent',
      `${bytesText(progress.bytes)} in ${progress.requests} requests, ${durationText(progress.throttledSeconds)} throttled`,
    ],
  ];
}

function exportFacts({ exported, exportOptions, progress }: RestoreSession): Facts {
  const files = (exported?.volumes ?? 0) === 1 ? 'volume' : 'volumes';
  return [
    ['format', exportOptions?.format],
    ['items', `${progress.itemsDone} of ${progress.itemsTotal}`],
    ['failed', progress.failed],
    ['messages', bytesText(progress.bytes)],
    ['written', exported && `${exported.volumes} ${files} in ${exported.folder} of ${exported.worker}`],
    ['kept until', exported && timeText(exported.expiresAt)],
  ];
}

/** The plan in numbers. */
function planFacts({ plan, approvedBy }: RestoreSession): Facts {
  if (plan === undefined) return [];
  const { create, skip, overwrite, rename, cannot, bytes, seconds, digest } = plan;
  const actions = { create, overwrite, rename, skip, 'cannot be restored': cannot };
  const words = Object.entries(actions).flatMap(([word, count]) => (count === 0 ? [] : [`${count} ${word}`]));
  return [
    ['plan', words.length === 0 ? 'nothing to do' : words.join(', ')],
    ['to send', `${bytesText(bytes)}, about ${durationText(seconds)} by the limits of the service`],
    ['digest', digest],
    ['approved by', approvedBy],
  ];
}

/** Follows a restore to its end, or to where it waits for a person. @returns the exit code of its result */
export async function watchRestore(context: Context, sessionId: string): Promise<number> {
  const { client, io, screen } = context;
  const meter = createProgressMeter();
  let told = '';
  let toldShare = -1;
  for (;;) {
    const session = await patiently(io, () => client.get<RestoreSession>(`/restores/${step(sessionId)}`));
    const { itemsTotal, itemsDone, bytes } = session.progress;
    const share = hasRestoreEnded(session) ? 1 : itemsTotal === 0 ? undefined : itemsDone / itemsTotal;
    const reading = meter.add({
      at: io.now(),
      share,
      counters: [{ id: session.id, done: itemsDone, bytes }],
    });
    const line = progressLine(`${safeText(session.targetAddress)} ${session.state}`, reading);
    const news = session.state !== told || (share ?? 0) - toldShare >= lineEvery || settled(session);
    if (screen.live) screen.redraw(line);
    else if (news && screen.json) screen.record({ session });
    else if (news) screen.line(line);
    if (news) [told, toldShare] = [session.state, share ?? 0];
    if (settled(session)) {
      screen.settle();
      if (!screen.json) showRestore(context, session);
      return exitOf[session.state] ?? exitCodes.failed;
    }
    await io.sleep(pauseMs);
  }
}
