import { createHash } from 'node:crypto';
import type { Shelf } from '../ports.ts';
import { type SearchField, type SearchTerm, wordTests } from '../searchTerms.ts';
import type { CandidateQuery } from '../tables.ts';

const columns: Record<SearchField, string> = {
  subject: 'subject',
  from: 'sender',
  to: 'recipients',
  attachment: 'attachment',
  body: 'body',
};

/** What a search cannot find: no item has such a word. */
export const nothing = Symbol('nothing');

/** The index is not asked: each document is checked by what it says. */
export const unasked = Symbol('unasked');

/** Words that hold a part: those that are known, or `unasked` when they are too many. */
export type WordsWith = (part: string, match: 'part' | 'suffix') => string[] | typeof unasked;

/** The words by which documents are found that are on a shelf, of a kind, or have attachments. */
export const scopeWords = (shelf: Shelf, kind: string, hasAttachments: boolean): string =>
  [shelfWord(shelf), kindWord(kind), ...(hasAttachments ? [attachmentWord] : [])].join(' ');

const attachmentWord = 'att';
const shelfWord = (shelf: Pick<Shelf, 'number'>): string => `s${shelf.number}`;
// A kind may be any text: its hash is a word of letters and digits.
const kindWord = (kind: string): string => `k${createHash('sha256').update(kind).digest('hex').slice(0, 12)}`;

/** The full-text query of a search, `undefined` when there is nothing to look for in the index. */
export function matchOf(query: CandidateQuery, wordsWith: WordsWith): string | undefined | typeof nothing {
  const { shelves, terms, hasAttachments, kind } = query;
  const wanted: string[] = [];
  const unwanted: string[] = [];
  for (const term of terms) {
    const expression = termOf(term, wordsWith);
    if (expression === unasked) continue;
    if (term.not === true) {
      if (expression !== nothing) unwanted.push(expression);
    } else if (expression === nothing) return nothing;
    else wanted.push(expression);
  }
  if (shelves !== undefined)
    wanted.push(`scope : (${shelves.map((shelf) => quoted(shelfWord(shelf))).join(' OR ')})`);
  if (hasAttachments === true) wanted.push(`scope : ${quoted(attachmentWord)}`);
  if (kind !== undefined) wanted.push(`scope : ${quoted(kindWord(kind))}`);
  // What is left out needs something to be left out of: the caller then checks each document itself.
  if (wanted.length === 0) return undefined;
  const all = wanted.map((one) => `(${one})`).join(' AND ');
  return unwanted.length === 0 ? all : `(${all}) NOT (${unwanted.map((one) => `(${one})`).join(' OR ')})`;
}

function termOf(term: SearchTerm, wordsWith: WordsWith): string | typeof nothing | typeof unasked {
  const tests = wordTests(term);
  const fields = `{${term.fields.map((field) => columns[field]).join(' ')}}`;
  const [first] = tests;
  if (first === undefined) return nothing;
  const last = tests.at(-1);
  const star = last?.match === 'prefix' ? ' *' : '';
  if (first.match !== 'part' && first.match !== 'suffix') {
    return `${fields} : ${quoted(tests.map(({ word }) => word).join(' '))}${star}`;
  }
  const words = wordsWith(first.word, first.match);
  if (words === unasked) return unasked;
  if (words.length === 0) return nothing;
  // Several words: each word that the first may be begins a phrase of its own.
  const rest = tests
    .slice(1)
    .map(({ word }) => ` ${word}`)
    .join('');
  return `${fields} : (${words.map((word) => `${quoted(word + rest)}${star}`).join(' OR ')})`;
}

/** Folded words have no quotation marks. */
const quoted = (words: string): string => `"${words}"`;
