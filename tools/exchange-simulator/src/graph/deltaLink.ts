import { badRequest } from './errors.ts';
import type { GraphRequest } from './request.ts';

/** The token of a request: none on the first one. An empty deltatoken starts afresh, as the Location of a 410 does. */
export function tokenOf(request: GraphRequest): { link: 'next' | 'delta'; token: string } | undefined {
  const next = request.query.get('$skiptoken');
  const delta = request.query.get('$deltatoken');
  if (next === undefined && (delta === undefined || delta === '')) return undefined;
  for (const name of request.query.keys()) {
    if (name !== '$skiptoken' && name !== '$deltatoken')
      throw badRequest(
        `Parameter '${name}' not supported for this request: links are to be used as they are.`,
        'ErrorInvalidUrlQuery',
      );
  }
  return next !== undefined ? { link: 'next', token: next } : { link: 'delta', token: delta ?? '' };
}
