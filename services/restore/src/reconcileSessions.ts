import { type RestoreSession, type RestoreState, waitingRestoreStates } from '@holdfast/contracts';
import type { Messaging, Running } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import { all, type Collection } from '@holdfast/store';

interface ReconcileDeps {
  sessions: Collection<RestoreSession>;
  messaging: Messaging;
  pool: string;
  clock: Clock;
  logger: Logger;
  everyMs: number;
}

const workStates: readonly RestoreState[] = ['requested', 'planning', 'approved', 'running'];
const waitingStates: readonly RestoreState[] = waitingRestoreStates;

/** A session that was just requested has its task on the way. */
const settlingMs = 5_000;

/**
 * The broker carries, it does not remember: every unfinished session of the pool whose task the broker does not hold is
 * sent again, at the start and every few seconds.
 */
export function startReconciling(deps: ReconcileDeps): Running {
  const { clock, logger } = deps;
  const stopping = new AbortController();

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await reconcile(deps).catch((error: unknown) => {
        logger.warn({ error }, 'restore sessions could not be compared with the broker; tried again');
      });
      await clock.sleep(deps.everyMs, stopping.signal);
    }
  }

  const running = loop();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Sends the tasks that the broker lost; the handler finds out whether there is still something to do. */
export async function reconcile(deps: ReconcileDeps): Promise<number> {
  const { sessions, messaging, pool, clock, logger } = deps;
  let sent = 0;
  const unfinished = { state: { in: [...workStates, ...waitingStates] } };
  for await (const { doc } of all(sessions, { where: unfinished })) {
    if (waitingStates.includes(doc.state) && !doc.cancelRequested) continue;
    const since = Math.max(Date.parse(doc.requestedAt), Date.parse(doc.approvedAt ?? doc.requestedAt));
    if (doc.pool !== pool || clock.now() - since < settlingMs) continue;
    if ((await messaging.pendingTasks('restore', pool, doc.id)) > 0) continue;
    const window = Math.floor(clock.now() / deps.everyMs);
    await messaging.publishTask('restore', pool, doc.id, { sessionId: doc.id }, `${doc.id}.again-${window}`);
    logger.info({ sessionId: doc.id }, 'a restore session was sent again');
    sent++;
  }
  return sent;
}
