import { HoldfastError } from '@holdfast/contracts';
import type { Lease, Messaging } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';

/** This process is not the leader any more; another one goes on with the work. */
export class LeadershipLost extends HoldfastError {
  constructor() {
    super('leadership-lost', 'transient', 'another scheduler has become the leader', {
      remedy: 'Nothing to do: the other one goes on where this one was.',
    });
  }
}

/** The time in which this process leads. */
export interface Term {
  /** Aborted when the term is over or the process is to stop: begin nothing new. */
  over: AbortSignal;
  /** @throws LeadershipLost when nothing may be written any more */
  guard: () => void;
}

export interface LeadershipOptions {
  messaging: Pick<Messaging, 'acquireLease'>;
  key: string;
  instance: string;
  clock: Clock;
  logger: Logger;
  standbyMs: number;
  stopping: AbortSignal;
  /** Resolves soon after `term.over`. */
  lead: (term: Term) => Promise<void>;
}

/** Leads whenever the lease can be had, waits as a standby otherwise, until `stopping`. */
export async function leadWhenPossible(options: LeadershipOptions): Promise<void> {
  const { clock, logger, stopping, standbyMs } = options;
  while (!stopping.aborted) {
    const lease = await tryAcquire(options);
    if (lease !== undefined) await leadOnce(options, lease);
    await clock.sleep(standbyMs, stopping);
  }
  logger.debug({}, 'no candidate any more');
}

async function tryAcquire(options: LeadershipOptions): Promise<Lease | undefined> {
  try {
    return await options.messaging.acquireLease(options.key, options.instance);
  } catch (error) {
    options.logger.warn({ error }, 'the broker does not answer; schedules wait until it is back');
    return undefined;
  }
}

async function leadOnce(options: LeadershipOptions, lease: Lease): Promise<void> {
  const { logger, stopping, lead } = options;
  let isOver = false;
  const guard = (): void => {
    if (isOver || lease.lost.aborted) throw new LeadershipLost();
  };
  logger.info({}, 'this scheduler leads');
  try {
    await lead({ over: AbortSignal.any([stopping, lease.lost]), guard });
  } catch (error) {
    logger.warn({ error }, 'this scheduler cannot lead now');
  }
  isOver = true;
  try {
    await lease.release();
  } catch (error) {
    logger.debug({ error }, 'the lease runs out by itself');
  }
}
