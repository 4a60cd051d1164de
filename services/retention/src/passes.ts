import { errorFacts, HoldfastError, type RepositoryRecord } from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import type { Logger } from '@holdfast/runtime';
import { expireMailbox } from './domain/expireMailbox.ts';
import { printPlan } from './domain/planRetention.ts';
import type { RetentionMetrics } from './metrics.ts';
import type { Announce, OpenPointStore, PointStore, RetentionRecords } from './ports.ts';

export interface PassDeps {
  records: RetentionRecords;
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
  /** Looks at every mailbox of every repository. @throws when some must be tried again */
  overAll(signal: AbortSignal): Promise<void>;
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
    trigger: 'run' | 'daily',
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
        await overMailboxes(repository, points, mailboxIds, over);
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
    repository: RepositoryRecord,
    points: PointStore,
    mailboxIds: AsyncIterable<string> | Iterable<string>,
    over: AbortSignal,
  ): Promise<void> {
    const errors: unknown[] = [];
    const sum = { mailboxes: 0, expired: 0, forgotten: 0 };
    const ports = { ...deps, points, onPlan };
    for await (const mailboxId of mailboxIds) {
      if (over.aborted) throw busy(repository);
      sum.mailboxes += 1;
      try {
        const { expired, forgotten } = await expireMailbox(ports, repository, mailboxId);
        sum.expired += expired;
        sum.forgotten += forgotten;
        metrics.expired.inc(expired);
        metrics.forgotten.inc(forgotten);
      } catch (error) {
        metrics.mailboxFailures.inc();
        logger.warn(
          { repositoryId: repository.id, mailboxId, error: errorFacts(error) },
          'retention of a mailbox failed; it is tried again',
        );
        errors.push(error);
      }
    }
    logger.info({ repositoryId: repository.id, ...sum, failed: errors.length }, 'retention pass');
    if (errors.length > 0) throw errors[0];
  }

  const onPlan: Parameters<typeof expireMailbox>[0]['onPlan'] = (mailbox, decisions) => {
    const plan = printPlan(mailbox.address, decisions);
    logger.info({ mailboxId: mailbox.id, plan }, 'retention plan');
  };

  return {
    async afterRun(runId) {
      const run = await records.run(runId);
      const repository = run && (await records.repository(run.repositoryId));
      if (repository === undefined) {
        logger.info({ runId }, 'no retention: the run or its repository was deleted');
        return;
      }
      const mailboxIds: string[] = [];
      for await (const mailboxId of records.changedMailboxes(runId)) mailboxIds.push(mailboxId);
      if (mailboxIds.length > 0) await oneAtATime(repository.id, () => pass('run', repository, mailboxIds));
    },
    async overAll(signal) {
      const errors: unknown[] = [];
      for await (const repository of records.repositories()) {
        if (signal.aborted) return;
        const mailboxIds = records.mailboxesIn(repository.id);
        await oneAtATime(repository.id, () => pass('daily', repository, mailboxIds, signal)).catch(
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
