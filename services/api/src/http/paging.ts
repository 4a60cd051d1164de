import { InvalidInput } from '@holdfast/contracts';
import type { Page } from '@holdfast/store';
import { z } from 'zod';

const longestCursor = 2_000;

/** The query parameters of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(100).meta({ description: 'Entries at most.' }),
  after: z
    .string()
    .min(1)
    .max(longestCursor)
    .optional()
    .meta({ description: 'The `next` of the page before.' }),
};

/** The body of every list. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().optional() });

/** A page of the store as the body of a list. */
export function listBody<T, V>(page: Page<T>, view: (doc: T) => V): { items: V[]; next?: string } {
  const items = page.items.map(({ doc }) => view(doc));
  return page.next === undefined ? { items } : { items, next: page.next };
}

/** `after` for a store query, left out when not given. */
export const afterOf = (after: string | undefined): { after?: string } =>
  after === undefined ? {} : { after };

/** A cursor of our own: a few values, opaque to the caller. */
export const encodeCursor = (...parts: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');

/** Reads a cursor of our own. @throws InvalidInput on anything else. */
export function decodeCursor<T extends z.ZodType>(schema: T, cursor: string): z.output<T> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    json = undefined;
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new InvalidInput([{ field: 'after', message: 'must be the `next` of a page of this list' }]);
}
