import { wordsOf } from './foldText.ts';

export const searchFields = ['subject', 'from', 'to', 'attachment', 'body'] as const;
export type SearchField = (typeof searchFields)[number];

/** Where a word of the term may stand in a word of the text. */
export type WordMatch = 'word' | 'prefix' | 'suffix' | 'part';

/** Words that stand side by side in one of the fields. Folded (`wordsOf`). */
export interface SearchTerm {
  fields: readonly SearchField[];
  words: string[];
  match: WordMatch;
  /** Items that have it are left out. */
  not?: boolean;
}

/** The shortest part of a word that can be looked for, but for its beginning. */
export const shortestPart = 3;

/** The words of an item by field. */
export type FieldWords = Readonly<Record<SearchField, readonly string[]>>;

export interface Texts {
  subject: string;
  from: string;
  to: string;
  attachments: readonly string[];
  body: string;
}

/** More words of a body than this are not looked at. */
export const mostBodyWords = 60_000;

export const fieldWordsOf = (texts: Texts): FieldWords => ({
  subject: wordsOf(texts.subject),
  from: wordsOf(texts.from),
  to: wordsOf(texts.to, mostBodyWords),
  attachment: wordsOf(texts.attachments.join(' | '), mostBodyWords),
  body: wordsOf(texts.body, mostBodyWords),
});

/**
 * The tests that words side by side must pass. Of several words the first may be the end of one and the last the
 * beginning of one where parts are looked for, so that `*nna@conto*` finds `anna@contoso.com`.
 */
export function wordTests(term: Pick<SearchTerm, 'words' | 'match'>): { word: string; match: WordMatch }[] {
  const { words, match } = term;
  const last = words.length - 1;
  return words.map((word, at) => {
    if (words.length === 1) return { word, match };
    if (at === 0 && (match === 'part' || match === 'suffix')) return { word, match: 'suffix' };
    if (at === last && (match === 'part' || match === 'prefix')) return { word, match: 'prefix' };
    return { word, match: 'word' };
  });
}

export function wordPasses(word: string, test: { word: string; match: WordMatch }): boolean {
  switch (test.match) {
    case 'word':
      return word === test.word;
    case 'prefix':
      return word.startsWith(test.word);
    case 'suffix':
      return word.endsWith(test.word);
    case 'part':
      return word.includes(test.word);
  }
}

/** Position of the first place from `from` on where the words of the term stand side by side, or -1. */
export function findTerm(
  words: readonly string[],
  tests: readonly { word: string; match: WordMatch }[],
  from = 0,
): number {
  for (let at = from; at + tests.length <= words.length; at++) {
    if (tests.every((test, offset) => wordPasses(words[at + offset] as string, test))) return at;
  }
  return -1;
}

/** Whether an item has what is looked for. */
export function matchesTerms(words: FieldWords, terms: readonly SearchTerm[]): boolean {
  return terms.every((term) => {
    const tests = wordTests(term);
    const found = term.fields.some((field) => findTerm(words[field], tests) >= 0);
    return found !== (term.not === true);
  });
}
