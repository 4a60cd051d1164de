import type { Random } from '../random.ts';

const COMMON =
  'the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many off before must well back through years much where your way down should because long each just state those people too mr how little good world make very year still see own work men day get here old between both life being under three never know same last another while us might great go come since against right came take used himself few house use place during high without again home around small however found mrs part school thought went say general once upon war left every does got united number hand course water until always away public something fact less though far put head think called set almost enough end took government night yet system better four nothing told eyes city going president why days present point toward business team meeting report project budget invoice quarter customer contract please thanks regards update review attached schedule'.split(
    ' ',
  );
const ACCENTED = [
  'Größe',
  'café',
  'naïve',
  'Straße',
  'résumé',
  'příliš',
  'żółć',
  'mañana',
  'Ελλάδα',
  'привет',
  '東京',
  '🎉',
  '✅',
  '→',
  '“quoted”',
  '–',
];

function vocabulary(random: Random, size: number): string[] {
  const onsets = [
    'b',
    'br',
    'c',
    'd',
    'f',
    'gr',
    'h',
    'k',
    'l',
    'm',
    'n',
    'p',
    'pr',
    'r',
    's',
    'st',
    't',
    'tr',
    'v',
    'w',
  ];
  const vowels = ['a', 'e', 'i', 'o', 'u', 'ai', 'ea', 'io'];
  const ends = ['', 'n', 'r', 's', 't', 'l', 'nd', 'm'];
  const words = [...COMMON];
  while (words.length < size) {
    let word = '';
    const syllables = 1 + random.below(3);
    for (let index = 0; index <= syllables; index++) word += random.pick(onsets) + random.pick(vowels);
    words.push(word + random.pick(ends));
  }
  return words;
}

/** Maps 16 random bits to a word number with the frequencies of natural text (rank r about 1/r). */
function zipfTable(size: number): Uint16Array {
  const weights = Array.from({ length: size }, (_, rank) => 1 / (rank + 1.5));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const table = new Uint16Array(65536);
  let word = 0;
  let sum = (weights[0] ?? 0) / total;
  for (let index = 0; index < table.length; index++) {
    while (index / table.length > sum && word < size - 1) {
      word++;
      sum += (weights[word] ?? 0) / total;
    }
    table[index] = word;
  }
  return table;
}

/**
 * A source of paragraphs: each call hands the next one to `write`, piece by piece, and they are the same for a seed.
 * Bytes and strings are both made of it.
 */
export function paragraphSource(random: Random, accents: boolean): (write: (piece: string) => void) => void {
  const words = vocabulary(random, 900);
  const zipf = zipfTable(words.length);
  return (write) => {
    const count = 25 + random.below(70);
    let width = 0;
    let sentence = 0;
    for (let index = 0; index < count; index++) {
      let word = words[zipf[random.next() & 0xffff] ?? 0] ?? 'the';
      if (accents && random.below(9) === 0) word = random.pick(ACCENTED);
      if (sentence === 0) word = word.charAt(0).toUpperCase() + word.slice(1);
      sentence++;
      if (sentence > 7 && random.below(6) === 0) {
        word += '.';
        sentence = 0;
      } else if (random.below(14) === 0) word += ',';
      if (random.below(60) === 0) word += ` ${random.below(100000)}`;
      const breaks = width + word.length > 72;
      if (width > 0) write(breaks ? '\r\n' : ' ');
      width = breaks || width === 0 ? word.length : width + 1 + word.length;
      write(word);
    }
    write('.');
  };
}
