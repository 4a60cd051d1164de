import { errorFacts, HoldfastError, makeEvent, type RepositoryRecord } from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import type { Logger } from '@holdfast/runtime';
import { expireMailbox } from './domain/expireMailbox.ts';
import { announceGuards } from './domain/guards.ts';
import { printPlan } from './domain/printPlan.ts';
import type { RetentionMetrics } from './metrics.ts';
import type {
  Announce,
  Guards,
  OpenPointStore,
  PointRecords,
  PointStore,
  RetentionRecords,
} from './ports.ts';

export type Trigger = 'run' | 'daily' | 'request';

export interface PassDeps {
  records: RetentionRecords;
  pointRecords: PointRecords;
  guards: Guards;
  openPoints: OpenPointStore;
  announce: Announce;
  messaging: Pick<Messaging, 'acquireLease'>;
  instance: string;
  logger: Logger;
  metrics: RetentionMetrics;
  now: () => number;
}

export interface Passes {
  /** Looks at the mailboxes that a run has changed. @throws when it must be tried again */
  afterRun(runId: string): Promise<void>;
  /** Looks at every mailbox of every repository, or of one. @throws when some must be tried again */
  overAll(trigger: Trigger, signal: AbortSignal, repositoryId?: string): Promise<void>;
}

/** Passes over a repository, one at a time: within this process by waiting, between processes by a lease. */
export function createPasses(deps: PassDeps): Passes {
  const { records, logger, metrics } = deps;
  const waiting = new Map<string, Promise<void>>();

  function oneAtATime(repositoryId: string, work: () => Promise<void>): Promise<void> {
    const before = waiting.get(repositoryId) ?? Promise.resolve();
    const mine = before.then(work, work);
    waiting.set(repositoryId, mine);
    return mine.finally(() => {
      if (waiting.get(repositoryId) === mine) waiting.delete(repositoryId);
    });
  }

  async function pass(
    trigger: Trigger,
    repository: RepositoryRecord,
    mailboxIds: AsyncIterable<string> | Iterable<string>,
    signal?: AbortSignal,
  ): Promise<void> {
    const lease = await deps.messaging.acquireLease(`retention.${repository.id}`, deps.instance);
    if (lease === undefined) throw busy(repository);
    let result = 'failed';
    try {
      const points = await deps.openPoints(repository);
      try {
        const over = signal === undefined ? lease.lost : AbortSignal.any([lease.lost, signal]);
        await overMailboxes(trigger, repository, points, mailboxIds, over);
        result = 'done';
      } finally {
        await points.close();
      }
    } finally {
      metrics.passes.inc({ trigger, result });
      await lease.release();
    }
  }

  /** One mailbox that fails does not keep the policy from the others (P7); the first error is thrown at the end. */
  async function overMailboxes(
    trigger: Trigger,
    repository: RepositoryRecord,
    points: PointStore,
    mailboxIds: AsyncIterable<string> | Iterable<string>,
    over: AbortSignal,
  ): Promise<void> {
    const errors: unknown[] = [];
    const sum = { mailboxes: 0, condemned: 0, recalled: 0, expired: 0, forgotten: 0 };
    const ports = { ...deps, points, onPlan };
    for await (const mailboxId of mailboxIds) {
      if (over.aborted) throw busy(repository);
      sum.mailboxes += 1;
      try {
        const done = await expireMailbox(ports, repository, mailboxId);
        for (const what of ['condemned', 'recalled', 'expired', 'forgotten'] as const) {
          sum[what] += done[what];
          metrics[what].inc(done[what]);
        }
      } catch (error) {
        metrics.mailboxFailures.inc();
        logger.warn(
          { repositoryId: repository.id, mailboxId, error: errorFacts(error) },
          'retention of a mailbox failed; it is tried again',
        );
        errors.push(error);
      }
    }
    const guarded = await announceGuards(deps.guards, deps.announce, repository.id, deps.now());
    metrics.guarded.set({ repository: repository.id }, guarded);
    const failed = errors.length;
    logger.info({ repositoryId: repository.id, ...sum, guarded, failed }, 'retention pass');
    const changed = sum.condemned + sum.recalled + sum.expired;
    if (trigger !== 'run' || changed > 0) await tell(trigger, repository, { ...sum, guarded, failed });
    if (errors.length > 0) throw errors[0];
  }

  async function tell(
    trigger: Trigger,
    repository: RepositoryRecord,
    sum: Record<'mailboxes' | 'condemned' | 'recalled' | 'expired' | 'guarded' | 'failed', number>,
  ): Promise<void> {
    const finishedAt = new Date(deps.now()).toISOString();
    const { mailboxes, condemned, recalled, expired, guarded, failed } = sum;
    await deps.announce(
      makeEvent('retention.completed', {
        ...{ source: 'retention', subject: repository.id, time: finishedAt },
        key: `${repository.id}/${trigger}/${finishedAt}/${deps.instance}`,
        data: {
          ...{ repositoryId: repository.id, trigger, mailboxes, condemned, recalled, expired },
          ...{ guarded, failed, finishedAt },
        },
      }),
    );
  }

  const onPlan: Parameters<typeof expireMailbox>[0]['onPlan'] = (mailbox, decisions) => {
    const plan = printPlan(mailbox.address, decisions);
    logger.info({ mailboxId: mailbox.id, plan }, 'retention plan');
  };

  return {
    async afterRun(runId) {
      const run = await records.run(runId);
      const mailboxIds: string[] = [];
      for await (const mailboxId of records.changedMailboxes(runId)) mailboxIds.push(mailboxId);
      if (mailboxIds.length === 0) return;
      // Mailboxes of a job may go to several repositories; where one has no restore points nothing happens.
      for (const repositoryId of run === undefined ? [] : (run.repositoryIds ?? [run.repositoryId])) {
        const repository = await records.repository(repositoryId);
        if (repository === undefined)
          logger.info({ runId, repositoryId }, 'no retention: the repository was deleted');
        else await oneAtATime(repository.id, () => pass('run', repository, mailboxIds));
      }
    },
    async overAll(trigger, signal, repositoryId) {
      const errors: unknown[] = [];
      for await (const repository of records.repositories()) {
        if (signal.aborted) return;
        if (repositoryId !== undefined && repository.id !== repositoryId) continue;
        const mailboxIds = records.mailboxesIn(repository.id);
        await oneAtATime(repository.id, () => pass(trigger, repository, mailboxIds, signal)).catch(
          (error: unknown) => {
            if (!signal.aborted) errors.push(error);
          },
        );
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

const busy = (repository: RepositoryRecord): HoldfastError =>
  new HoldfastError(
    'retention-busy',
    'transient',
    `another pass over the repository ${repository.name} is at work`,
    {
      remedy: 'Nothing to do: this one is tried again.',
    },
  );
