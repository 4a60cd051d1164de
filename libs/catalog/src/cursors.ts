import { InvalidInput } from '@holdfast/contracts';

/** A position made of numbers and texts, as callers carry it. */
export const encodePosition = (...parts: readonly (number | string)[]): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');

/** @throws InvalidInput for what is no position of this list */
export function decodePosition(cursor: string, shape: readonly ('number' | 'string')[]): (number | string)[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const fits =
    Array.isArray(parts) &&
    parts.length === shape.length &&
    shape.every(
      (type, at) => typeof parts[at] === type && (type === 'string' || Number.isSafeInteger(parts[at])),
    );
  if (fits) return parts as (number | string)[];
  throw new InvalidInput([{ field: 'after', message: 'must be the `next` of a page of this list' }]);
}
