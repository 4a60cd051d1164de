import { createHash } from 'node:crypto';

const longest = 80;

/**
 * A file name from any text: letters, digits, `-` and `_` only, never empty, at most 80 characters. What had to be
 * changed gets a hash, so that two texts never share a name.
 */
export function safeFileName(text: string): string {
  const clean = text.replaceAll(/[^A-Za-z0-9_-]+/g, '_');
  if (clean === text && text.length <= longest && text !== '') return clean;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return `${clean.slice(0, longest - hash.length - 1)}-${hash}`;
}
