import type { Filter } from 'mongodb';
import {
  type FieldWords,
  type SearchField,
  type SearchTerm,
  shortestPart,
  wordPasses,
  wordTests,
} from '../searchTerms.ts';
import type { CatalogCollections, TextDocument, WordDocument } from './mongoCollections.ts';

const letters: Record<SearchField, string> = { subject: 's', from: 'f', to: 't', attachment: 'a', body: 'b' };
const longestKnownWord = 40;
/** Words that a part or a beginning may stand for. */
const mostWordsOfPart = 1000;

/** The distinct words of an item with their fields. */
export const fieldWords = (words: FieldWords): string[] => [
  ...new Set(
    (Object.keys(letters) as SearchField[]).flatMap((field) =>
      words[field].map((word) => `${letters[field]}:${word}`),
    ),
  ),
];

const groupsOf = (word: string): string[] => {
  const all = [...word];
  return [...new Set(all.slice(2).map((_, at) => all.slice(at, at + 3).join('')))];
};

/** A word as it is found by its parts. */
export const wordDocument = (word: string): WordDocument => ({
  _id: word,
  groups: [...word].length > longestKnownWord ? [] : groupsOf(word),
});

/**
 * A filter that every item meets that has the terms; whether one really has them is checked with its texts. Undefined
 * when none can.
 */
export async function filterOfTerms(
  { words }: Pick<CatalogCollections, 'words'>,
  terms: readonly SearchTerm[],
): Promise<{ filter: Filter<TextDocument>; tooManyWords: boolean } | undefined> {
  const all: Filter<TextDocument>[] = [];
  let tooManyWords = false;
  for (const term of terms.filter(({ not }) => not !== true)) {
    for (const test of wordTests(term)) {
      const known = test.match === 'word' ? [test.word] : await wordsLike(words, test);
      if (known.length === 0) return undefined;
      tooManyWords ||= known.length > mostWordsOfPart;
      const named = term.fields.flatMap((field) => known.map((word) => `${letters[field]}:${word}`));
      all.push({ words: { $in: named } });
    }
  }
  return { filter: all.length === 0 ? {} : { $and: all }, tooManyWords };
}

async function wordsLike(
  words: CatalogCollections['words'],
  test: ReturnType<typeof wordTests>[number],
): Promise<string[]> {
  const { word, match } = test;
  const most = mostWordsOfPart + 1;
  if (match === 'prefix') {
    const range = { $gte: word, $lt: `${word}\uffff` };
    const found = await words.find({ _id: range }, { limit: most, projection: { _id: 1 } }).toArray();
    return found.map(({ _id }) => _id);
  }
  const short = [...word].length < shortestPart;
  const filter: Filter<WordDocument> = short
    ? { _id: { $regex: `${escaped(word)}${match === 'suffix' ? '$' : ''}` } }
    : { groups: { $all: groupsOf(word) } };
  const known: string[] = [];
  for await (const { _id } of words.find(filter, { projection: { _id: 1 } })) {
    if (wordPasses(_id, test)) known.push(_id);
    if (known.length === most) break;
  }
  return known;
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
