import { isDeepStrictEqual } from 'node:util';
import type { FieldProblem } from '@holdfast/contracts';

const fold = (value: unknown): unknown => {
  if (typeof value === 'string') return value.trim().toLowerCase();
  if (Array.isArray(value)) return value.map(fold);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fold(entry)]));
};

/** Entries of a list that say what an earlier one says already, whatever the case of the letters. */
export function duplicates(field: string, list: readonly unknown[]): FieldProblem[] {
  const folded = list.map(fold);
  return folded.flatMap((entry, at) => {
    const first = folded.findIndex((other) => isDeepStrictEqual(other, entry));
    return first < at
      ? [{ field: `${field}[${at}]`, message: `says the same as ${field}[${first}]: leave one out` }]
      : [];
  });
}
