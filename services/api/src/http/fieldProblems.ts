import { type FieldProblem, InvalidInput } from '@holdfast/contracts';
import type { z } from 'zod';

/** `['a', 0, 'b']` → `a[0].b`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);

function messageOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value')) {
    return 'is missing';
  }
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options)) {
    return `must be one of ${issue.options.map(String).join(', ')}`;
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  return issue.message.replace(
    /^Invalid input: expected (\w+), received (\w+)$/,
    'must be of type $1, not $2',
  );
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = Object.getOwnPropertyDescriptor(value, part)?.value;
  }
  return value;
}

/** Turns the issues of a check into the fields that a user knows; unknown fields are named one by one. */
export function fieldProblems(error: z.ZodError, input: unknown): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, 20)) {
        problems.push({ field: shorten(fieldPath([...issue.path, key])), message: 'is not known here' });
      }
      continue;
    }
    const message = messageOf(issue, valueAt(input, issue.path));
    problems.push({ field: shorten(fieldPath(issue.path)) || '(body)', message });
  }
  return problems.slice(0, 50);
}

/** Parses input, or refuses it field by field. @throws InvalidInput */
export function checked<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new InvalidInput(fieldProblems(result.error, input));
}
