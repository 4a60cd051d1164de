import { createHash } from 'node:crypto';
import { HttpProblem } from '../errors.ts';

/** A strong ETag over the given value: equal values, equal tags, whoever wrote them. */
export function etagOf(value: unknown): string {
  const hash = createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22);
  return `"${hash}"`;
}

/** JSON with sorted keys, so that the order in which a store gives fields back does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    entry !== null && typeof entry === 'object' && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}

/** True when the header names this tag, or `*`. */
export function etagMatches(header: string, etag: string): boolean {
  return header.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*');
}

/** Refuses a change of something that is not as the caller last saw it. @throws HttpProblem 412 */
export function requireMatch(header: string | undefined, etag: string): void {
  if (header === undefined) {
    throw new HttpProblem(428, 'if-match-missing', 'the header If-Match is missing', {
      remedy:
        'Read it, and send the ETag of the answer as If-Match with the change ("*" changes it in any case).',
    });
  }
  if (!etagMatches(header, etag)) {
    throw new HttpProblem(412, 'stale-version', 'it was changed since you read it', {
      remedy: 'Read it again, look at the changes, and send yours with the new ETag.',
      headers: { etag },
    });
  }
}
