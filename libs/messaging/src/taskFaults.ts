import type { ErrorFacts } from '@holdfast/contracts';

/** What `onParked` and reports are told when the handler did not say it itself. */
export const taskFaults = {
  unreadable: (error: unknown): ErrorFacts => ({
    code: 'unreadable-message',
    errorClass: 'ours',
    message: `the message cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    remedy: 'It was kept in the bucket `parked`. Run the same release everywhere, or report this.',
  }),
  abandoned: (attempts: number): ErrorFacts => ({
    code: 'task-abandoned',
    errorClass: 'transient',
    message: `its worker ended in each of ${attempts} attempts, or did not report the last one`,
    remedy: 'Look for the end of the worker (memory, restarts) in its log; the next run tries again.',
  }),
  exhausted: (attempts: number): ErrorFacts => ({
    code: 'attempts-exhausted',
    errorClass: 'transient',
    message: `given back for later in each of ${attempts} attempts`,
    remedy: 'The next run tries again.',
  }),
  parkedFor: (reason: string): ErrorFacts => ({
    code: 'parked',
    errorClass: 'permanent-item',
    message: reason,
  }),
};
