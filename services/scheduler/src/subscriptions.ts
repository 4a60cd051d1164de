import type { EventName, HoldfastEvent } from '@holdfast/contracts';
import type { Messaging, Running } from '@holdfast/messaging';
import type { Fires } from './fires.ts';
import type { Runs } from './runs.ts';

interface Subscription {
  filter: string;
  react: (event: HoldfastEvent, to: { runs: Runs; fires: Fires }) => void;
}

const on = <N extends EventName>(
  filter: string,
  names: readonly N[],
  react: (event: HoldfastEvent<N>, to: { runs: Runs; fires: Fires }) => void,
): Subscription => ({
  filter,
  react(event, to) {
    if ((names as readonly string[]).includes(event.name)) react(event as HoldfastEvent<N>, to);
  },
});

/**
 * Events are hints to look at once, never the truth: that lies in the control data, which is looked at every few
 * seconds anyway. So the scheduler keeps no durable consumer, and a lost or repeated event changes nothing.
 */
const subscriptions: readonly Subscription[] = [
  on('events.run.requested.>', ['run.requested'], (event, { runs }) => runs.nudge(event.data.runId)),
  on('events.run.stop-requested.>', ['run.stop-requested'], (event, { runs }) =>
    runs.nudge(event.data.runId),
  ),
  on('events.mailbox.>', ['mailbox.synced', 'mailbox.failed'], (event, { runs }) =>
    runs.taskEnded(event.data.runId),
  ),
  on('events.job.changed.>', ['job.changed'], (event, { fires }) => fires.reread(event.data.jobId)),
  on('events.proxy.online.>', ['proxy.online'], (_event, { runs }) => runs.wake()),
];

/** Follows the events that concern the scheduler. */
export async function subscribe(
  messaging: Pick<Messaging, 'tailEvents'>,
  to: { runs: Runs; fires: Fires },
): Promise<Running> {
  const tails: Running[] = [];
  const stop = async (): Promise<void> => void (await Promise.allSettled(tails.map((tail) => tail.stop())));
  try {
    for (const { filter, react } of subscriptions) {
      tails.push(await messaging.tailEvents(filter, (event) => react(event, to)));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}
