import type { RestorePointRecord, RunTask } from '@holdfast/contracts';
import { terminalTaskStates } from '@holdfast/contracts';
import type { Outbox } from '@holdfast/messaging';
import { type Collection, insertIfAbsent, modify, type Stored } from '@holdfast/store';
import { hasCode } from '../errors.ts';
import type { Records, TaskResult } from '../ports.ts';

export const hasEnded = (task: Pick<RunTask, 'state'>): boolean =>
  (terminalTaskStates as readonly string[]).includes(task.state);

export interface RecordStores {
  tasks: Collection<RunTask>;
  points: Collection<RestorePointRecord>;
  outbox: Pick<Outbox, 'add'>;
}

/** The facts of this attempt that go into the task with its result. */
export interface AttemptFacts {
  proxy: string;
  attempt: number;
}

/** `read` is the task as it was read when it was taken: most often it is still so, which saves reading it again. */
export function storeRecords(
  stores: RecordStores,
  read: Stored<RunTask> | undefined,
  facts: AttemptFacts,
): Records {
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
  return {
    async addPoint(record) {
      await insertIfAbsent(stores.points, record);
    },
    emit: (...events) => stores.outbox.add(...events),
    async endTask(taskId, result) {
      const change = read === undefined ? undefined : ended(read.doc, result);
      if (read !== undefined && change !== undefined) {
        try {
          await stores.tasks.replace(change, read.version);
          return;
        } catch (error) {
          if (!hasCode(error, 'version-conflict')) throw error;
        }
      }
      await modify(stores.tasks, taskId, (task) => ended(task, result));
    },
  };
}

/** An earlier attempt's start stays: it is when the work on the mailbox began. */
const startOf = (task: RunTask) => (task.startedAt === undefined ? {} : { startedAt: task.startedAt });

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
