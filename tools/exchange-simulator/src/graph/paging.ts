import { type GraphRequest, numberOption } from './request.ts';

/** Page size and offset of a list request. `$top` is the page size; without it the client's preference, else 10. */
export function readPage(request: GraphRequest, maxPageSize: number): { skip: number; take: number } {
  const top = numberOption(request, '$top', 1, maxPageSize);
  const skip = numberOption(request, '$skip', 0, 2 ** 31 - 1) ?? 0;
  return { skip, take: top ?? Math.min(maxPageSize, request.prefer.maxPageSize ?? 10) };
}

/** The link to the next page: the same request, further on. */
export function skipLink(request: GraphRequest, path: string, skip: number): string {
  const options = [...request.query]
    .filter(([name]) => name !== '$skip')
    .map(([name, value]) => `${name.replace('$', '%24')}=${encodeURIComponent(value)}`);
  return `${request.root}${path}?${[...options, `%24skip=${skip}`].join('&')}`;
}

/** Path of the request as it came, for links. */
export function requestPath(request: GraphRequest): string {
  return `/${request.segments.map(encodeURIComponent).join('/')}`;
}
