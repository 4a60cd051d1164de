import { InvalidInput } from '@holdfast/contracts';
import { wordsOf } from './foldText.ts';
import type { CatalogQuery } from './ports.ts';
import {
  type SearchField,
  type SearchTerm,
  searchFields,
  shortestPart,
  type WordMatch,
} from './searchTerms.ts';

/** What the words of a search say; the rest of a query (scope, point, page) is not in the words. */
export type ParsedSearch = Pick<
  CatalogQuery,
  'terms' | 'after' | 'before' | 'larger' | 'smaller' | 'hasAttachments' | 'kind' | 'folder'
>;

export interface ParseOptions {
  /** Look for words without `*` as parts of words. */
  parts?: boolean;
}

/** A piece of the search as it was written. */
interface Token {
  /** The whole, for messages. */
  raw: string;
  not: boolean;
  key: string | undefined;
  value: string;
  quoted: boolean;
}

const tokenPattern = /(-?)(?:([A-Za-z]+):)?(?:"([^"]*)("?)|([^\s"]+))/y;
const longestSearch = 1000;
const mostTerms = 32;

/** Names of fields that people type. */
const fieldNames: Readonly<Record<string, readonly SearchField[]>> = {
  from: ['from'],
  to: ['to'],
  subject: ['subject'],
  body: ['body'],
  attachment: ['attachment'],
};
const otherNames = ['has', 'kind', 'after', 'before', 'larger', 'smaller', 'folder'];
export const kinds = ['message', 'meeting', 'event', 'contact', 'task'] as const;

/**
 * Reads the words of a search: `word`, `"words side by side"`, `begin*`, `*part*`, `*end`, `-not`, `from:`, `to:`,
 * `subject:`, `body:`, `attachment:`, `has:attachment`, `kind:`, `after:2026-01-31`, `before:`, `larger:5MB`,
 * `smaller:`, `folder:/Inbox`.
 *
 * @throws InvalidInput that names the piece that is wrong and what to write instead
 */
export function parseSearch(text: string, options: ParseOptions = {}): ParsedSearch {
  if (text.length > longestSearch) throw wrong(`is longer than ${longestSearch} characters`);
  const parsed: ParsedSearch = { terms: [] };
  for (const token of tokensIn(text)) take(token, parsed, options);
  if (parsed.terms.length > mostTerms) throw wrong(`has more than ${mostTerms} words`);
  return parsed;
}

function* tokensIn(text: string): Generator<Token> {
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (match === null) throw wrong(`${text.slice(at, at + 20)}: cannot be read at character ${at + 1}`);
    const [raw, minus = '', key, quoted, closing, bare] = match;
    if (quoted !== undefined && closing === '')
      throw wrong(`${raw}: the quotation mark at character ${text.indexOf('"', at) + 1} is not closed`);
    // An address such as `a:b` that is none of our names is text.
    const known = key !== undefined && isName(key.toLowerCase());
    const value = quoted ?? bare ?? '';
    if (key !== undefined && !known && quoted === undefined && looksLikeName(key, value))
      throw wrong(
        `${raw}: there is no "${key}:"; use ${[...Object.keys(fieldNames), ...otherNames].join(', ')}`,
      );
    yield {
      raw,
      not: minus === '-',
      key: known ? key.toLowerCase() : undefined,
      value: known || key === undefined ? value : `${key}:${value}`,
      quoted: quoted !== undefined,
    };
    at = tokenPattern.lastIndex;
  }
}

const isName = (key: string): boolean => Object.hasOwn(fieldNames, key) || otherNames.includes(key);

/** `sunject:report` is a slip; `http://…` and `re:…` are text. */
const looksLikeName = (key: string, value: string): boolean =>
  !value.startsWith('//') && key.length > 3 && value !== '';

function take(token: Token, parsed: ParsedSearch, options: ParseOptions): void {
  const { key, value, raw } = token;
  const field = key === undefined ? searchFields : fieldNames[key];
  if (field !== undefined) {
    parsed.terms.push(termOf(token, field, options));
    return;
  }
  if (token.not) throw wrong(`${raw}: "-" goes with words and fields, not with ${key}:`);
  switch (key) {
    case 'has':
      if (!/^attachments?$/i.test(value)) throw wrong(`${raw}: use has:attachment`);
      parsed.hasAttachments = true;
      break;
    case 'kind':
      parsed.kind = kindOf(raw, value);
      break;
    case 'after':
      parsed.after = dateOf(raw, value);
      break;
    case 'before':
      parsed.before = dateOf(raw, value);
      break;
    case 'larger':
      parsed.larger = bytesOf(raw, value);
      break;
    case 'smaller':
      parsed.smaller = bytesOf(raw, value);
      break;
    default:
      if (value === '') throw wrong(`${raw}: name a folder, such as folder:/Inbox`);
      parsed.folder = value;
  }
}

function termOf(token: Token, fields: readonly SearchField[], { parts }: ParseOptions): SearchTerm {
  const { value, raw, quoted, not } = token;
  const begins = !quoted && value.startsWith('*');
  const ends = value.endsWith('*');
  const words = wordsOf(value);
  const [first = ''] = words;
  if (words.length === 0) throw wrong(`${raw}: has no letter and no digit to look for`);
  const match: WordMatch =
    begins && ends
      ? 'part'
      : begins
        ? 'suffix'
        : ends
          ? 'prefix'
          : parts === true && !quoted
            ? 'part'
            : 'word';
  if (
    (match === 'part' || match === 'suffix') &&
    words.length === 1 &&
    first.length < shortestPart &&
    /^[\p{ASCII}]+$/u.test(first)
  ) {
    // A short word among parts means itself: `parts` is for convenience, `*x*` is a wish.
    if (!begins) return { fields, words, match: 'prefix', ...(not ? { not } : {}) };
    throw wrong(
      `${raw}: give at least ${shortestPart} letters of a part of a word, or its beginning: ${first}*`,
    );
  }
  if (match === 'prefix' && words.length === 1 && first.length < 2 && /^[\p{ASCII}]+$/u.test(first)) {
    if (!ends) return { fields, words, match: 'word', ...(not ? { not } : {}) };
    throw wrong(`${raw}: give at least 2 letters of the beginning of a word`);
  }
  return { fields, words, match, ...(not ? { not } : {}) };
}

function kindOf(raw: string, value: string): string {
  const kind = value.toLowerCase();
  if (!(kinds as readonly string[]).includes(kind)) throw wrong(`${raw}: the kinds are ${kinds.join(', ')}`);
  return kind;
}

const datePattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/;

function dateOf(raw: string, value: string): number {
  const time = datePattern.test(value) ? Date.parse(value) : Number.NaN;
  // Date.parse takes the 31st of February for a day in March in some forms: what comes back must be what was said.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(value.slice(0, 10)))
    throw wrong(`${raw}: is no date; write it as 2026-01-31 or 2026-01-31T08:00Z`);
  return time;
}

const sizePattern = /^(\d{1,12})(?:\.(\d{1,3}))?\s*(b|kb|kib|k|mb|mib|m|gb|gib|g)?$/i;
const sizes: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function bytesOf(raw: string, value: string): number {
  const match = sizePattern.exec(value);
  if (match === null) throw wrong(`${raw}: is no size; write it as 500KB or 5MB`);
  const unit = sizes[(match[3] ?? 'b').charAt(0).toLowerCase()] ?? 1;
  return Math.round(Number(`${match[1]}.${match[2] ?? '0'}`) * unit);
}

const wrong = (message: string): InvalidInput => new InvalidInput([{ field: 'query', message }]);
