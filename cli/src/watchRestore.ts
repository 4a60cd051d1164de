import type { RestoreSession } from '@holdfast/contracts';
import { step } from './client.ts';
import type { Context } from './context.ts';
import { exitCodes } from './errors.ts';
import { patiently } from './patience.ts';
import { createProgressMeter, progressLine } from './progressMeter.ts';
import { safeText } from './screen.ts';
import { bytesText, durationText, timeText } from './units.ts';

const pauseMs = 1_000;
const lineEvery = 0.05;

export const ended = ({ state }: RestoreSession): boolean => state !== 'requested' && state !== 'running';

const exitOf: Readonly<Record<string, number>> = { success: exitCodes.ok, warning: exitCodes.warning };

/** The result of a restore for people. */
export function showRestore({ screen }: Context, session: RestoreSession): void {
  const { progress } = session;
  screen.line(`restore ${session.id}: ${screen.mark(session.state)}`);
  screen.facts([
    ['mailbox', session.mailboxAddress],
    ['to', session.targetAddress],
    ['as of', timeText(session.pointTime)],
    ['asked by', `${session.requestedBy}, ${timeText(session.requestedAt)}`],
    ['items', `${progress.itemsDone} of ${progress.itemsTotal}`],
    ['created', progress.created],
    ['skipped', progress.skipped],
    ['renamed', progress.renamed],
    ['failed', progress.failed],
    ['different', progress.different],
    ['folders made', progress.foldersCreated],
    [
      'sent',
      `${bytesText(progress.bytes)} in ${progress.requests} requests, ${durationText(progress.throttledSeconds)} throttled`,
    ],
    ['error', session.error?.message],
    ['remedy', session.error?.remedy],
  ]);
}

/** Follows a restore to its end. @returns the exit code of its result */
export async function watchRestore(context: Context, sessionId: string): Promise<number> {
  const { client, io, screen } = context;
  const meter = createProgressMeter();
  let told = '';
  let toldShare = -1;
  for (;;) {
    const session = await patiently(io, () => client.get<RestoreSession>(`/restores/${step(sessionId)}`));
    const { itemsTotal, itemsDone, bytes } = session.progress;
    const share = ended(session) ? 1 : itemsTotal === 0 ? undefined : itemsDone / itemsTotal;
    const reading = meter.add({
      at: io.now(),
      share,
      counters: [{ id: session.id, done: itemsDone, bytes }],
    });
    const line = progressLine(`${safeText(session.targetAddress)} ${session.state}`, reading);
    const news = session.state !== told || (share ?? 0) - toldShare >= lineEvery || ended(session);
    if (screen.live) screen.redraw(line);
    else if (news && screen.json) screen.record({ session });
    else if (news) screen.line(line);
    if (news) [told, toldShare] = [session.state, share ?? 0];
    if (ended(session)) {
      screen.settle();
      if (!screen.json) showRestore(context, session);
      return exitOf[session.state] ?? exitCodes.failed;
    }
    await io.sleep(pauseMs);
  }
}
