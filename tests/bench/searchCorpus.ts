import type { ItemDocument } from '@holdfast/catalog';

/** Numbers that repeat for a seed (mulberry32), from 0 to 1. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const begins = 'b br c ch cl d dr f fl g gr h j k kl l m n p pr qu r s sch sp st t tr v w z'.split(' ');
const middles = 'a ai au e ea ei i ie o ou u'.split(' ');
const ends = ['', '', 'n', 'r', 's', 't', 'l', 'm', 'nd', 'rt', 'ck', 'ng'];

/** So many different words, the most frequent first; they share beginnings and middles as words of a language do. */
export function vocabularyOf(size: number, seed: number): string[] {
  const random = randomOf(seed);
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] as string;
  const words = new Set<string>();
  while (words.size < size) {
    const syllables = 1 + Math.floor(random() * 3.4);
    let word = '';
    for (let n = 0; n < syllables; n++) word += pick(begins) + pick(middles) + pick(ends);
    words.add(word);
  }
  return [...words];
}

/** Frequencies as in natural text (Zipf): the n-th word comes 1/n as often as the first. */
export const zipf = (random: () => number, size: number): number =>
  Math.min(size - 1, Math.floor(Math.exp(random() * Math.log(size + 1)) - 1));

const years = 4;
const yearMs = 365 * 86_400_000;

/** Mails of one seed, in no order of time. `textBytes` is what a person could read of it. */
export function* documentsOf(
  count: number,
  words: readonly string[],
  seed: number,
): Generator<{ document: ItemDocument; textBytes: number }> {
  const random = randomOf(seed);
  const word = () => words[zipf(random, words.length)] as string;
  const person = () => {
    const [first, last] = [word(), word()];
    return `${first} ${last} <${first}.${last}@${words[Math.floor(random() * 300) + 200]}.example>`;
  };
  for (let n = 0; n < count; n++) {
    const subject = Array.from({ length: 2 + Math.floor(random() * 6) }, word).join(' ');
    const length = Math.round(Math.exp(3.6 + 1.9 * random() + 0.6 * random()));
    const body = Array.from({ length }, (_, at) => (at % 12 === 11 ? `${word()}.` : word())).join(' ');
    const attachments = random() < 0.2 ? [`${word()}_${word()}.pdf`] : [];
    const [from, to] = [person(), Array.from({ length: 1 + Math.floor(random() * 3) }, person).join(', ')];
    const document: ItemDocument = {
      objectId: (seed * 4_000_000 + n)
        .toString(16)
        .padStart(12, '0')
        .split('')
        .reverse()
        .join('')
        .padEnd(64, '0'),
      time: Date.UTC(2022, 0, 1) + Math.floor(random() * years * yearMs),
      size: body.length * 3,
      kind: 'message',
      hasAttachments: attachments.length > 0,
      ...{ subject, from, to, attachments, body },
    };
    const texts = [subject, from, to, ...attachments, body];
    yield { document, textBytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) };
  }
}
