import { HoldfastError } from '@holdfast/contracts';

/** Exit codes of `holdfast`; scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  /** Refused or failed: the API said no, a run or restore failed or was stopped. */
  failed: 1,
  /** The command line or a local file is wrong. */
  usage: 2,
  /** Done, with warnings: gaps, failed items, a check that warns. */
  warning: 3,
  /** The API cannot be reached or does not take the token. */
  noAccess: 4,
} as const;

/** The command line, or a local file it names, is wrong. */
export class UsageError extends Error {
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string) {
    super(message);
    this.name = 'UsageError';
    this.remedy = remedy;
  }
}

/** The API did not answer. */
export class Unreachable extends Error {
  constructor(url: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    super(`the API at ${url} cannot be reached: ${why}`, { cause });
    this.name = 'Unreachable';
  }
}

/** What the API said when it refused (RFC 9457). */
export interface ProblemBody {
  status: number;
  title?: string;
  detail?: string;
  code?: string;
  remedy?: string;
  problems?: { field: string; message: string }[];
}

/** The API refused. */
export class ApiRefused extends Error {
  readonly problem: ProblemBody;

  constructor(problem: ProblemBody) {
    super(problem.detail ?? problem.title ?? `the API answered with status ${problem.status}`);
    this.name = 'ApiRefused';
    this.problem = problem;
  }
}

export const exitCodeOf = (error: unknown): number => {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof Unreachable) return exitCodes.noAccess;
  if (error instanceof ApiRefused && [401, 429].includes(error.problem.status)) return exitCodes.noAccess;
  return exitCodes.failed;
};

/** An error as people and `--json` see it: the cause, what to do, and each refused field. */
export function errorReport(error: unknown): {
  message: string;
  code: string;
  remedy?: string;
  problems?: { field: string; message: string }[];
} {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ApiRefused) {
    const { code = 'refused', remedy, problems } = error.problem;
    return {
      message,
      code,
      ...(remedy === undefined ? {} : { remedy }),
      ...(problems === undefined ? {} : { problems }),
    };
  }
  if (error instanceof Unreachable) {
    return { message, code: 'unreachable', remedy: 'Check that it runs, and --url or HOLDFAST_URL.' };
  }
  if (error instanceof UsageError) {
    return { message, code: 'usage', ...(error.remedy === undefined ? {} : { remedy: error.remedy }) };
  }
  if (error instanceof HoldfastError) {
    return { message, code: error.code, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) };
  }
  return { message, code: 'unexpected' };
}
