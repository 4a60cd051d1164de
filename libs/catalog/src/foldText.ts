/** Letters that have no decomposition and that people write without their stroke or as two letters. */
const spelled: Readonly<Record<string, string>> = {
  ß: 'ss',
  ł: 'l',
  ø: 'o',
  đ: 'd',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
  ð: 'd',
  þ: 'th',
};
const anySpelled = /[ßłøđæœıðþ]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const ascii = /^[\u0000-\u007f]*$/;

/** Longer runs of letters are no words that anybody looks for; they are cut here. */
export const longestWord = 64;

/**
 * A word in the form in which words are compared: case, accents and width (full-width letters, ligatures) make no
 * difference (Unicode NFKD without marks, lower case).
 */
export function foldWord(word: string): string {
  if (ascii.test(word)) return word.toLowerCase();
  return word
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(anySpelled, (letter) => spelled[letter] ?? letter)
    .normalize('NFC');
}

// Scripts that put no space between words: each character is a word, and a word is a phrase of them.
const unspaced = '\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}\\p{sc=Thai}\\p{sc=Khmr}\\p{sc=Laoo}\\p{sc=Mymr}';
const wordPattern = new RegExp(
  `[[${unspaced}]&&[\\p{L}\\p{N}]]\\p{M}*|[[\\p{L}\\p{N}\\p{M}_]--[${unspaced}]]+`,
  'gv',
);
const asciiPattern = /[A-Za-z0-9_]+/g;

/** A word of a text: where it stands and in which form it is compared. */
export interface FoundWord {
  word: string;
  start: number;
  end: number;
}

/** The words of a text in order. Never throws, whatever the text. */
export function* scanWords(text: string): Generator<FoundWord> {
  for (const match of text.matchAll(ascii.test(text) ? asciiPattern : wordPattern)) {
    const word = foldWord(match[0]).slice(0, longestWord);
    if (word !== '') yield { word, start: match.index, end: match.index + match[0].length };
  }
}

/** The words of a text, at most so many. */
export function wordsOf(text: string, most = Number.POSITIVE_INFINITY): string[] {
  if (text === '') return [];
  if (ascii.test(text)) return asciiWords(text, most);
  const words: string[] = [];
  for (const { word } of scanWords(text)) {
    if (words.length >= most) break;
    words.push(word);
  }
  return words;
}

function asciiWords(text: string, most: number): string[] {
  const words = text.toLowerCase().match(/[a-z0-9_]+/g) ?? [];
  const kept: string[] = words.length > most ? words.slice(0, most) : words;
  for (let at = 0; at < kept.length; at++) {
    const word = kept[at] as string;
    if (word.length > longestWord) kept[at] = word.slice(0, longestWord);
  }
  return kept;
}

/** A text as it is kept and shown: compatibility forms made plain, control characters gone. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.normalize('NFKC').replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, ' ');
}
