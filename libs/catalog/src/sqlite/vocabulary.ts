import { shortestPart, wordPasses } from '../searchTerms.ts';
import type { CatalogDatabase } from './database.ts';

/** Longer runs are no words of which anybody knows a part; they are found whole and by their beginning. */
const longestKnownWord = 40;
/** Words a part may stand for: more are no search any more, and each costs a look into the index. */
export const mostWordsOfPart = 1000;
const rememberedWords = 200_000;

/** The distinct words of all items, found by parts through their groups of three letters. */
export class Vocabulary {
  readonly #database: CatalogDatabase;
  #known = new Set<string>();

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** Within a transaction. */
  add(words: Iterable<string>): void {
    if (this.#known.size > rememberedWords) this.#known = new Set();
    for (const word of words) {
      if (word.length < shortestPart || word.length > longestKnownWord || this.#known.has(word)) continue;
      this.#known.add(word);
      // No RETURNING: it opens a savepoint, and the full-text index then writes what it holds.
      const id = this.#database.insert('INSERT OR IGNORE INTO words (word) VALUES (?)', word);
      if (id !== undefined)
        this.#database.run('INSERT INTO word_parts (rowid, word) VALUES (?, ?)', id, word);
    }
  }

  /** After a transaction that was undone: what it added is not there. */
  forget(): void {
    this.#known = new Set();
  }

  /** The known words with a part, one more than `mostWordsOfPart` at most. */
  with(part: string, match: 'part' | 'suffix'): string[] {
    const letters = [...part];
    // One letter of a script without spaces is a word; the first of several words may be short.
    if (letters.length < shortestPart) return this.#short(part, match);
    const groups = new Set(letters.slice(2).map((_, at) => letters.slice(at, at + 3).join('')));
    const expression = [...groups].map((group) => `"${group}"`).join(' AND ');
    const found = this.#database.rows<{ word: string }>(
      'SELECT words.word AS word FROM word_parts JOIN words ON words.id = word_parts.rowid WHERE word_parts MATCH ? AND instr(words.word, ?) > 0 LIMIT ?',
      expression,
      part,
      match === 'part' ? mostWordsOfPart + 1 : mostWordsOfPart * 20,
    );
    return found
      .map(({ word }) => word)
      .filter((word) => wordPasses(word, { word: part, match }))
      .slice(0, mostWordsOfPart + 1);
  }

  #short(part: string, match: 'part' | 'suffix'): string[] {
    const known = this.#database.rows<{ word: string }>(
      match === 'part'
        ? 'SELECT word FROM words WHERE instr(word, ?) > 0 LIMIT ?'
        : 'SELECT word FROM words WHERE substr(word, -length(?1)) = ?1 LIMIT ?2',
      part,
      mostWordsOfPart,
    );
    return [part, ...known.map(({ word }) => word).filter((word) => wordPasses(word, { word: part, match }))];
  }
}
