import { InvalidInput } from '@holdfast/contracts';
import type { FieldValue } from './ports.ts';

/** Where a page ended: the sort value (null where the field is missing) and the id of its last document. */
export interface CursorPosition {
  value: FieldValue | null;
  id: string;
}

type Sort = { field: string; order: 'asc' | 'desc' };

/** Text that names a position in a sorted list; opaque to callers. */
export function encodeCursor(sort: Sort, position: CursorPosition): string {
  const parts = [sort.field, sort.order, position.value, position.id];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

type Parts = [field: string, order: string, value: FieldValue | null, id: string];

function isParts(parsed: unknown): parsed is Parts {
  if (!Array.isArray(parsed) || parsed.length !== 4) return false;
  const [field, order, value, id] = parsed as unknown[];
  const scalar = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  return typeof field === 'string' && typeof order === 'string' && scalar && typeof id === 'string';
}

function parse(text: string): Parts | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return isParts(parsed) ? parsed : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @throws InvalidInput when the text is no cursor, or one of another sort */
export function decodeCursor(text: string, sort: Sort): CursorPosition {
  const parts = parse(text);
  if (parts === undefined)
    throw new InvalidInput([{ field: 'after', message: 'is not a cursor of this list' }]);
  const [field, order, value, id] = parts;
  if (field !== sort.field || order !== sort.order) {
    throw new InvalidInput([{ field: 'after', message: 'belongs to a list that is sorted otherwise' }]);
  }
  return { value, id };
}
