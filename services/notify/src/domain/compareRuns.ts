import type { RunTask } from '@holdfast/contracts';

/** What is otherwise than in the run before. Addresses, by name. */
export interface RunChanges {
  previousNumber: number;
  /** New in the scope. */
  added: string[];
  /** In the scope no more. */
  left: string[];
  newlyFailing: string[];
  recovered: string[];
}

/** Since when a mailbox fails, and in how many runs in a row, this one included. */
export interface FailingSince {
  since: string;
  runs: number;
}

/** What the runs before say about a run. */
export interface RunPast {
  changes: RunChanges | undefined;
  /** By task id. */
  failing: ReadonlyMap<string, FailingSince>;
}

export const noPast: RunPast = { changes: undefined, failing: new Map() };

type Compared = Pick<RunTask, 'mailboxId' | 'mailboxAddress' | 'state'>;

const isBad = ({ state }: Pick<RunTask, 'state'>): boolean => state === 'failed';

/** Compares the mailboxes of a run with those of the run before over the whole scope. */
export function compareRuns(
  tasks: readonly Compared[],
  before: readonly Compared[],
  previousNumber: number,
): RunChanges {
  const past = new Map(before.map((task) => [task.mailboxId, task]));
  const present = new Set(tasks.map(({ mailboxId }) => mailboxId));
  const addresses = (list: readonly Compared[]) => list.map(({ mailboxAddress }) => mailboxAddress).sort();
  const known = tasks.flatMap((task) => {
    const then = past.get(task.mailboxId);
    return then === undefined ? [] : [{ task, then }];
  });
  return {
    previousNumber,
    added: addresses(tasks.filter(({ mailboxId }) => !past.has(mailboxId))),
    left: addresses(before.filter(({ mailboxId }) => !present.has(mailboxId))),
    newlyFailing: addresses(
      known.filter(({ task, then }) => isBad(task) && !isBad(then)).map(({ task }) => task),
    ),
    recovered: addresses(
      known
        .filter(({ task, then }) => isBad(then) && ['success', 'warning'].includes(task.state))
        .map(({ task }) => task),
    ),
  };
}

const named = 20;

/** The changes as name and value; empty when there are none. */
export function changeLines({ added, left, newlyFailing, recovered }: RunChanges): [string, string][] {
  const rows: [string, string[]][] = [
    ['Newly failing', newlyFailing],
    ['Recovered', recovered],
    ['New in the scope', added],
    ['Left the scope', left],
  ];
  return rows
    .filter(([, addresses]) => addresses.length > 0)
    .map(([name, addresses]) => {
      const more = addresses.length - named;
      const list = addresses.slice(0, named).join(', ');
      return [name, `${addresses.length}: ${list}${more > 0 ? ` and ${more} more` : ''}`];
    });
}
