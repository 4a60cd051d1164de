import type { IncomingHttpHeaders } from 'node:http';
import type { Application, Tenant } from '../directory/tenant.ts';
import { badRequest } from './errors.ts';

/** A Graph request after authentication, whether it came alone or inside a batch. */
export interface GraphRequest {
  readonly method: string;
  /** Decoded path segments behind the version. */
  readonly segments: readonly string[];
  readonly version: 'v1.0' | 'beta';
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Scheme, host and version, for links. */
  readonly root: string;
  readonly tenant: Tenant;
  readonly application: Application;
  readonly roles: ReadonlySet<string>;
  readonly prefer: Preferences;
}

/** What the client asked for by `Prefer`. */
export interface Preferences {
  readonly immutableIds: boolean;
  readonly maxPageSize: number | undefined;
  readonly textBody: boolean;
}

/** Reads `Prefer` headers; several preferences may share a line. Throws 400 for a page size that is no number. */
export function readPreferences(header: string | string[] | undefined): Preferences {
  if (header === undefined) return { immutableIds: false, maxPageSize: undefined, textBody: false };
  const all = Array.isArray(header) ? header.join(',') : header;
  const size = /odata\.maxpagesize\s*=\s*"?([^",\s]*)/i.exec(all)?.[1];
  if (size !== undefined && !/^[1-9]\d*$/.test(size))
    throw badRequest('Invalid odata.maxpagesize preference.');
  return {
    immutableIds: /IdType\s*=\s*"ImmutableId"/i.test(all),
    maxPageSize: size === undefined ? undefined : Number(size),
    textBody: /outlook\.body-content-type\s*=\s*"text"/i.test(all),
  };
}

/** Splits a path into segments, also the `name('key')` and `microsoft.graph.name()` spellings. */
export function readSegments(path: string): string[] {
  const segments: string[] = [];
  for (const raw of path.split('/')) {
    if (raw === '') continue;
    const decoded = decode(raw);
    if (!decoded.endsWith(')')) {
      segments.push(decoded);
      continue;
    }
    const keyed = /^([A-Za-z]+)\('((?:[^']|'')*)'\)$/.exec(decoded);
    if (keyed) segments.push(keyed[1] ?? '', (keyed[2] ?? '').replaceAll("''", "'"));
    else segments.push(decoded.replace(/\(\)$/, ''));
  }
  return segments;
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('The request URL is not well formed.');
  }
}

const WITHOUT_DOLLAR = new Set([
  'select',
  'top',
  'skip',
  'filter',
  'orderby',
  'expand',
  'count',
  'search',
  'skiptoken',
  'deltatoken',
]);

/** Query options by lower-case name; system options always with their `$`. A repeated option is refused. */
export function readQuery(search: string): Map<string, string> {
  const query = new Map<string, string>();
  if (search === '') return query;
  for (const pair of search.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode((equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' ')).toLowerCase();
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1).replaceAll('+', ' '));
    const key = WITHOUT_DOLLAR.has(name) ? `$${name}` : name;
    if (query.has(key))
      throw badRequest(
        `Query option '${key}' was specified more than once, but it must be specified at most once.`,
      );
    query.set(key, value);
  }
  return query;
}

/** Throws 400 for a query option that the resource does not take. */
export function allowQuery(request: GraphRequest, ...allowed: readonly string[]): void {
  for (const name of request.query.keys()) {
    if (!allowed.includes(name)) {
      throw badRequest(
        `The query option '${name}' is not supported on this resource.`,
        name.startsWith('$') ? 'ErrorInvalidUrlQueryFilter' : 'BadRequest',
      );
    }
  }
}

/** A whole number option, or undefined. */
export function numberOption(
  request: GraphRequest,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = request.query.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw badRequest(
      `Invalid value '${text}' for ${name} query option found. The ${name} query option requires an integer between ${min} and ${max}.`,
      'ErrorInvalidUrlQuery',
    );
  }
  return value;
}

/** The request body as a JSON object. Throws 400 when it is none. */
export function jsonBody(request: GraphRequest): Record<string, unknown> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type))
    throw badRequest('A valid Content-Type header with application/json is required.', 'RequestBodyRead');
  let parsed: unknown;
  try {
    parsed = JSON.parse(request.body.toString());
  } catch {
    throw badRequest(
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.',
      'BadRequest',
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badRequest('The request payload must be a JSON object.', 'BadRequest');
  return parsed as Record<string, unknown>;
}
