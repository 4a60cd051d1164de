import {
  classOf,
  type ErrorFacts,
  errorFacts,
  HoldfastError,
  headIdOf,
  type Mailbox,
  mailboxIdentityOf,
  type Organization,
  type RepositoryRecord,
  type Run,
  type RunTask,
  type SyncTask,
  terminalRunStates,
  zeroTotals,
} from '@holdfast/contracts';
import type { UsedConnector } from '@holdfast/exchange';
import type { Delivery, Messaging, Verdict } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Stored } from '@holdfast/store';
import type { Activity } from '../activity.ts';
import { type MailboxLease, mailboxLease } from '../adapters/mailboxLease.ts';
import { markRunning } from '../adapters/markRunning.ts';
import type { UsedRepository } from '../adapters/repositoryHub.ts';
import { storeHeads } from '../adapters/storeHeads.ts';
import { hasEnded, type RecordStores, storeRecords } from '../adapters/storeRecords.ts';
import type { ByteBudget } from '../domain/byteBudget.ts';
import type { SyncSettings } from '../domain/mailboxWork.ts';
import { reportFailed, reportStopped } from '../domain/reportTask.ts';
import { type SyncMailboxInput, syncMailbox } from '../domain/syncMailbox.ts';
import { hasCode } from '../errors.ts';
import type { SyncMetrics } from '../metrics.ts';
import type { InterruptionCheck, MailboxIdentity, Records } from '../ports.ts';
import type { ProgressBoard } from '../progressBoard.ts';

export interface SyncHandlerDeps {
  messaging: Pick<Messaging, 'acquireLease'>;
  stores: RecordStores;
  /** Read often, changed seldom: a few seconds old is fine. */
  run: (id: string) => Promise<Run | undefined>;
  organization: (id: string) => Promise<Organization | undefined>;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  mailbox: (id: string) => Promise<Mailbox | undefined>;
  useConnector: (organization: Organization) => UsedConnector;
  useRepository: (record: RepositoryRecord, identity: MailboxIdentity) => UsedRepository;
  stopRequested: (runId: string) => boolean;
  instance: string;
  settings: SyncSettings;
  bytes: ByteBudget;
  clock: Clock;
  logger: Logger;
  metrics: SyncMetrics;
  activity: Activity;
  progress: ProgressBoard;
}

/** A mailbox whose lease another worker holds is looked at again after so long. */
const busyPauseMs = 5_000;
const takenPauseMs = 2_000;
const done: Verdict = { kind: 'done' };

/** One mailbox of one run: the task in the control data decides what is to be done, the message only says when. */
export function createSyncMailboxHandler(deps: SyncHandlerDeps) {
  return async function onSyncMailbox(task: SyncTask, delivery: Delivery): Promise<Verdict> {
    const logger = deps.logger.child({ runId: task.runId, taskId: task.taskId, mailboxId: task.mailboxId });
    const stored = await deps.stores.tasks.get(task.taskId);
    if (stored === undefined) {
      logger.warn({}, 'a task that the control data does not have is let go');
      return done;
    }
    if (hasEnded(stored.doc)) return done;
    const records = storeRecords(deps.stores, stored, { proxy: deps.instance, attempt: delivery.attempt });
    const address = stored.doc.mailboxAddress;
    if (await isOver(deps, task)) {
      await reportStopped(records, task, address, deps.clock.now(), zeroTotals);
      return done;
    }
    const leaseKey = `mailbox.${task.repositoryId}.${task.mailboxId}`;
    const lease = mailboxLease(deps.messaging, leaseKey, task.taskId);
    const end = deps.activity.begin({ taskId: task.taskId, address, since: deps.clock.now() });
    const attempt = { task, delivery, stored, records, lease, logger: logger.child({ mailbox: address }) };
    try {
      return await backUp(deps, attempt);
    } catch (error) {
      return await onFailure(deps, attempt, error);
    } finally {
      end();
      deps.progress.end(task.taskId);
      await lease.release();
    }
  };
}

interface Attempt {
  task: SyncTask;
  delivery: Delivery;
  stored: Stored<RunTask>;
  records: Records;
  lease: MailboxLease;
  logger: Logger;
}

async function isOver(deps: SyncHandlerDeps, task: SyncTask): Promise<boolean> {
  if (deps.stopRequested(task.runId)) return true;
  const run = await deps.run(task.runId);
  return run === undefined || run.stopRequested || isEnded(run) || isPastItsWindow(run, deps.clock.now());
}

/** The end of a window holds also while no scheduler is there to ask for a stop. */
const isPastItsWindow = ({ stopAt }: Run, nowMs: number): boolean =>
  stopAt !== undefined && Date.parse(stopAt) <= nowMs;

export const isEnded = (run: Pick<Run, 'state'>): boolean =>
  (terminalRunStates as readonly string[]).includes(run.state);

async function backUp(deps: SyncHandlerDeps, attempt: Attempt): Promise<Verdict> {
  const { task, delivery, stored, records, lease, logger } = attempt;
  const startedAt = deps.clock.now();
  const place = await placeOf(deps, stored.doc);
  const { connector, release } = deps.useConnector(place.organization);
  const repository = deps.useRepository(place.repository, {
    identity: mailboxIdentityOf(place.organization.tenantId, place.mailbox.userId),
    address: stored.doc.mailboxAddress,
    organizationId: task.organizationId,
    runId: task.runId,
    jobId: task.jobId,
  });
  const shown = markRunning(deps.stores.tasks, task.taskId, { ...deps, attempt: delivery.attempt, logger });
  try {
    const run = await deps.run(task.runId);
    const recoverable = run?.includeRecoverable;
    const mailbox = { userId: place.mailbox.userId, address: stored.doc.mailboxAddress };
    const end = await syncMailbox(
      {
        task,
        mailboxAddress: mailbox.address,
        settings: deps.settings,
        lenient: delivery.attempt > 1 || delivery.last,
        ...leftOutBy(run),
      },
      {
        heads: storeHeads(deps.stores.heads, headIdOf(task.repositoryId, task.mailboxId)),
        repository: repository.mailbox,
        records,
        openReader: (signal) => connector.reader(mailbox, { signal, recoverable }),
        clock: deps.clock,
        bytes: deps.bytes,
        right: lease,
        interruption: interruptionOf(deps, attempt),
        onProgress: (work) => deps.progress.tell(task.taskId, mailbox.address, work, startedAt),
        onTrouble: (error, what) => logger.warn({ error }, what),
      },
    );
    await shown.settle();
    if (end.kind === 'given-back') {
      deps.metrics.failed('given-back');
      await shown.takeBack();
      logger.info({}, 'mailbox given back: this proxy ends');
      return { kind: 'postpone', afterMs: 0 };
    }
    const tookMs = deps.clock.now() - startedAt;
    deps.metrics.ended(end.state, end.plan, tookMs, end.totals);
    const { plan, state, totals } = end;
    // Most mailboxes are unchanged in most runs, and their tasks say so.
    const isUnchanged = totals.itemsNew + totals.itemsChanged + totals.itemsRemoved === 0;
    logger[isUnchanged && state === 'success' ? 'debug' : 'info'](
      { plan, state, tookMs, ...totals, attempt: delivery.attempt },
      'mailbox done',
    );
    return done;
  } catch (error) {
    await shown.settle();
    await shown.takeBack();
    throw error;
  } finally {
    await repository.release();
    await release();
  }
}

/** What the run leaves out of its mailboxes, as it was settled when it began. */
function leftOutBy(run: Run | undefined): Pick<SyncMailboxInput, 'excludeFolders' | 'age'> {
  const { excludeFolders, olderThan } = run ?? {};
  const age = olderThan && { before: Date.parse(olderThan.before), by: olderThan.by };
  return { excludeFolders, age };
}

interface Place {
  organization: Organization;
  repository: RepositoryRecord;
  mailbox: Mailbox;
}

/** @throws HoldfastError (configuration) naming what the control data does not have any more */
async function placeOf(deps: SyncHandlerDeps, task: RunTask): Promise<Place> {
  const [organization, repository, mailbox] = await Promise.all([
    deps.organization(task.organizationId),
    deps.repository(task.repositoryId),
    deps.mailbox(task.mailboxId),
  ]);
  if (organization === undefined) throw missing('organization', task.organizationId);
  if (repository === undefined) throw missing('repository', task.repositoryId);
  if (mailbox === undefined) throw missing('mailbox', task.mailboxId);
  return { organization, repository, mailbox };
}

function missing(what: string, id: string): HoldfastError {
  return new HoldfastError(`${what}-not-found`, 'configuration', `The ${what} ${id} is not there any more.`, {
    remedy: `Add the ${what} again or take it out of the job.`,
  });
}

/** The run in the store is asked again now and then: the sign in the broker may have been lost. */
function interruptionOf(deps: SyncHandlerDeps, { task, delivery }: Attempt): InterruptionCheck {
  return async () => {
    if (delivery.stopping.aborted) return 'shutdown';
    return (await isOver(deps, task)) ? 'stop' : undefined;
  };
}

async function onFailure(deps: SyncHandlerDeps, attempt: Attempt, error: unknown): Promise<Verdict> {
  const { task, delivery, records, stored, logger } = attempt;
  const facts = errorFacts(error);
  if (delivery.stopping.aborted) {
    deps.metrics.failed('given-back');
    return { kind: 'postpone', afterMs: 0 };
  }
  if (hasCode(error, 'mailbox-taken') || attempt.lease.lost.aborted) {
    deps.metrics.failed('postponed');
    const { refused } = attempt.lease;
    logger[refused ? 'debug' : 'info']({ error: facts }, 'another proxy has the mailbox');
    return { kind: 'postpone', afterMs: refused ? busyPauseMs : takenPauseMs };
  }
  if (!delivery.last && !isHopeless(error)) {
    deps.metrics.failed('retry');
    logger.warn({ error, attempt: delivery.attempt }, 'mailbox failed, tried again');
    throw error;
  }
  deps.metrics.failed('failed');
  logger.error({ error, attempt: delivery.attempt }, 'mailbox failed');
  const { mailboxAddress } = stored.doc;
  await reportFailed(records, task, mailboxAddress, deps.clock.now(), delivery.attempt, facts);
  return done;
}

/** Trying again cannot help: a person must do something first. */
function isHopeless(error: unknown): boolean {
  return ['permanent-mailbox', 'forbidden', 'configuration'].includes(classOf(error));
}

/** The broker gave the task up (a worker died in its last attempt). */
export function createParkedHandler(deps: Pick<SyncHandlerDeps, 'stores' | 'clock' | 'instance' | 'logger'>) {
  return async function onParked(task: SyncTask, error: ErrorFacts): Promise<void> {
    const stored = await deps.stores.tasks.get(task.taskId);
    if (stored === undefined || hasEnded(stored.doc)) return;
    const { mailboxAddress, attempts } = stored.doc;
    const records = storeRecords(deps.stores, stored, {
      proxy: deps.instance,
      attempt: Math.max(1, attempts),
    });
    deps.logger.error({ taskId: task.taskId, error }, 'mailbox failed: its task was given up');
    await reportFailed(records, task, mailboxAddress, deps.clock.now(), Math.max(1, attempts), error);
  };
}
