import { scanWords } from './foldText.ts';
import type { Snippet } from './ports.ts';
import { findTerm, type SearchField, type SearchTerm, type Texts, wordTests } from './searchTerms.ts';

const textAround = 80;
const longestSnippet = 240;
const mostMarks = 20;

/** The pieces of the texts that show what was found, one a field at most. */
export function snippetsOf(texts: Texts, terms: readonly SearchTerm[]): Snippet[] {
  const asked = terms.filter((term) => term.not !== true);
  const fields: [SearchField, string][] = [
    ['subject', texts.subject],
    ['from', texts.from],
    ['to', texts.to],
    ['attachment', texts.attachments.join(' | ')],
    ['body', texts.body],
  ];
  return fields.flatMap(([field, text]) => snippetOf(field, text, asked) ?? []);
}

function snippetOf(field: SearchField, text: string, terms: readonly SearchTerm[]): Snippet | undefined {
  const wanted = terms.filter((term) => term.fields.includes(field));
  if (wanted.length === 0 || text === '') return undefined;
  const words = [...scanWords(text)];
  const folded = words.map(({ word }) => word);
  const marks: [number, number][] = [];
  for (const term of wanted) {
    const tests = wordTests(term);
    for (
      let at = findTerm(folded, tests), found = 0;
      at >= 0 && found < mostMarks;
      at = findTerm(folded, tests, at + 1), found++
    ) {
      const [first, last] = [words[at], words[at + tests.length - 1]];
      if (first !== undefined && last !== undefined) marks.push([first.start, last.end]);
    }
  }
  return marks.length === 0 ? undefined : cut(field, text, merged(marks));
}

function merged(marks: [number, number][]): [number, number][] {
  const sorted = marks.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  const result: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = result.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}

/** The text around the first mark, on one line, with the marks that fall into it. */
function cut(field: SearchField, text: string, marks: [number, number][]): Snippet {
  const [firstStart] = marks[0] ?? [0];
  let start = Math.max(0, firstStart - textAround);
  let end = Math.min(text.length, start + longestSnippet);
  // Not in the middle of a surrogate pair.
  if (isLowSurrogate(text, start)) start++;
  if (isLowSurrogate(text, end)) end--;
  const inside = marks
    .filter(([from]) => from >= start && from < end)
    .map(([from, to]): [number, number] => [from - start, Math.min(to, end) - start]);
  return { field, text: text.slice(start, end).replaceAll(/[\r\n\t]/g, ' '), marks: inside };
}

const isLowSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
