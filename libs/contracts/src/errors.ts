/**
 * What kind of trouble an error is. Each error is classified once, where it is first understood.
 *
 * - `transient`: may pass by itself; try again with growing pauses
 * - `throttled`: the other side asked for a pause
 * - `vanished`: the thing is gone; not a fault
 * - `forbidden`: a permission is missing
 * - `permanent-item`: this item will not work, the mailbox goes on without it (a gap)
 * - `permanent-mailbox`: this mailbox will not work, the run goes on without it
 * - `configuration`: a person must change a setting
 * - `ours`: a defect or a broken invariant of Holdfast
 */
export type ErrorClass =
  | 'transient'
  | 'throttled'
  | 'vanished'
  | 'forbidden'
  | 'permanent-item'
  | 'permanent-mailbox'
  | 'configuration'
  | 'ours';

/** Facts of an error; never secrets. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

export interface HoldfastErrorOptions {
  /** What the user can do about it, as a sentence. */
  remedy?: string;
  details?: ErrorDetails;
  cause?: unknown;
}

/** The base of all errors that cross a package: a stable `code`, its class and a remedy. */
export class HoldfastError extends Error {
  readonly code: string;
  readonly errorClass: ErrorClass;
  readonly remedy: string | undefined;
  readonly details: ErrorDetails;

  constructor(code: string, errorClass: ErrorClass, message: string, options: HoldfastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.errorClass = errorClass;
    this.remedy = options.remedy;
    this.details = options.details ?? {};
  }
}

/** One wrong field of an input: where it is, what is wrong and what to write instead. */
export interface FieldProblem {
  /** JSON path, such as `schedule.time`. */
  field: string;
  message: string;
}

/** Input refused before anything was done. */
export class InvalidInput extends HoldfastError {
  readonly problems: readonly FieldProblem[];

  constructor(problems: readonly FieldProblem[]) {
    super('invalid-input', 'configuration', problems.map((p) => `${p.field}: ${p.message}`).join('; '), {
      remedy: 'Correct the named fields and send the request again.',
    });
    this.problems = problems;
  }
}

/** What is kept of an error in the store, in events and in reports. */
export interface ErrorFacts {
  code: string;
  errorClass: ErrorClass;
  message: string;
  remedy?: string | undefined;
}

/** The class of any thrown value; what nobody classified is `ours`. */
export function classOf(error: unknown): ErrorClass {
  return error instanceof HoldfastError ? error.errorClass : 'ours';
}

/** Turns any thrown value into the facts that reports and events carry. */
export function errorFacts(error: unknown): ErrorFacts {
  if (error instanceof HoldfastError) {
    return {
      code: error.code,
      errorClass: error.errorClass,
      message: error.message,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    };
  }
  return {
    code: 'unexpected',
    errorClass: 'ours',
    message: error instanceof Error ? error.message : String(error),
    remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
  };
}
