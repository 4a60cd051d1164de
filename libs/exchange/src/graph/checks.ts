import { type Check, HoldfastError } from '@holdfast/contracts';

export const success = (code: string, name: string, meaning: string): Check => ({
  code,
  name,
  result: 'success',
  meaning,
});

/** A check that failed with an error: its message and remedy are the check's. */
export function failure(code: string, name: string, error: unknown): Check {
  if (error instanceof HoldfastError) {
    const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
    return { code, name, result: 'failure', meaning: error.message, ...remedy };
  }
  return {
    code,
    name,
    result: 'failure',
    meaning: error instanceof Error ? error.message : String(error),
    remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
  };
}
