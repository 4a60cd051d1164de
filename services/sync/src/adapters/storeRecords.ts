import type { EventRecord, MailboxHead, RestorePointRecord, RunTask } from '@holdfast/contracts';
import { HoldfastError, terminalTaskStates } from '@holdfast/contracts';
import type { Outbox } from '@holdfast/messaging';
import { type Collection, modify, type OrderedWrite, type Store, type Stored } from '@holdfast/store';
import { hasCode, MailboxTaken } from '../errors.ts';
import type { HeadWrite, Records, TaskEnd, TaskResult } from '../ports.ts';

export const hasEnded = (task: Pick<RunTask, 'state'>): boolean =>
  (terminalTaskStates as readonly string[]).includes(task.state);

export interface RecordStores {
  tasks: Collection<RunTask>;
  points: Collection<RestorePointRecord>;
  heads: Collection<MailboxHead>;
  events: Collection<EventRecord>;
  outbox: Pick<Outbox, 'addWith'>;
  writeInOrder: Store['writeInOrder'];
}

/** The facts of this attempt that go into the task with its result. */
export interface AttemptFacts {
  proxy: string;
  attempt: number;
}

/**
 * The end of a task as one call to the control data, which most often makes one commit of it. `read` is the task as it
 * was when it was taken: mostly it still is, which saves reading it again.
 */
export function storeRecords(stores: RecordStores, read: Stored<RunTask>, facts: AttemptFacts): Records {
  const { tasks } = stores;
  const ended = (task: RunTask, result: TaskResult): RunTask | undefined =>
    hasEnded(task)
      ? undefined
      : {
          ...task,
          attempts: facts.attempt,
          proxy: facts.proxy,
          ...startOf(task),
          ...withoutUndefined(result),
        };

  async function write({ point, head, result }: TaskEnd, rows: readonly EventRecord[]) {
    const task = ended(read.doc, result);
    const before: OrderedWrite[] = [];
    if (point !== undefined) before.push(insertion(stores.points, point));
    if (head !== undefined) before.push(headWrite(stores.heads, head));
    const written = await stores.writeInOrder([
      ...before,
      ...rows.map((row) => insertion(stores.events, row)),
      ...(task === undefined ? [] : [{ into: tasks, replace: task, expectedVersion: read.version }]),
    ]);
    return written.slice(before.length, before.length + rows.length) as (Stored<EventRecord> | undefined)[];
  }

  return {
    async conclude(end) {
      try {
        await stores.outbox.addWith(end.events, (rows) => write(end, rows));
      } catch (error) {
        const refusedBy = refusingCollection(error);
        if (refusedBy === stores.heads.name) throw new MailboxTaken('its head was written by another', error);
        if (refusedBy !== tasks.name) throw error;
        // Everything before it is written; shown as running meanwhile, or ended by another.
        await modify(tasks, end.taskId, (task) => ended(task, end.result));
      }
    },
  };
}

const insertion = <T extends RestorePointRecord | EventRecord>(into: Collection<T>, doc: T): OrderedWrite =>
  ({ into, insert: doc, ifAbsent: true }) as OrderedWrite;

const headWrite = (into: Collection<MailboxHead>, { head, version }: HeadWrite): OrderedWrite =>
  version === undefined ? { into, insert: head } : { into, replace: head, expectedVersion: version };

/** The name of the collection whose document was not as expected. */
const refusingCollection = (error: unknown): unknown =>
  error instanceof HoldfastError && hasCode(error, 'version-conflict', 'already-exists')
    ? error.details.collection
    : undefined;

/** An earlier attempt's start stays: it is when the work on the mailbox began. */
const startOf = (task: RunTask) => (task.startedAt === undefined ? {} : { startedAt: task.startedAt });

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
