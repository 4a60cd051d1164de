import { Random } from '../random.ts';

/**
 * Text for message bodies, built once per process: a message's body is two slices of it (the same paragraphs as
 * plain text and as HTML), so that generating a body is two copies. The pool is large against the window of any
 * compressor, so messages differ from each other as real ones do; alone they compress about four times.
 */
export interface TextPool {
  /** Number of paragraphs. */
  readonly paragraphs: number;
  /** Encoded plain text, as it stands in the MIME part. */
  readonly text: Buffer;
  readonly textOffsets: Uint32Array;
  /** Encoded HTML, as it stands in the MIME part. */
  readonly html: Buffer;
  readonly htmlOffsets: Uint32Array;
  /** The transfer encoding of both. */
  readonly encoding: '7bit' | 'quoted-printable';
  /** Decoded HTML and text of paragraphs [from, to). */
  decodedHtml(from: number, to: number): string;
  decodedText(from: number, to: number): string;
  /** The same as it stands inside a JSON string, UTF-8. */
  json(form: 'html' | 'text', from: number, to: number): Buffer;
}

const COMMON =
  'the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many off before must well back through years much where your way down should because long each just state those people too mr how little good world make very year still see own work men day get here old between both life being under three never know same last another while us might great go come since against right came take used himself few house use place during high without again home around small however found mrs part school thought went say general once upon war left every does got united number hand course water until always away public something fact less though far put head think called set almost enough end took government night yet system better four nothing told eyes city going president why days present point toward business team meeting report project budget invoice quarter customer contract please thanks regards update review attached schedule'.split(
    ' ',
  );
const STYLES = [
  '<p class="MsoNormal" style="margin:0cm 0cm 8pt;line-height:107%;font-size:11pt;font-family:Calibri,sans-serif">',
  '<p style="margin:0 0 10px 0;font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:1.5;color:#333333;mso-fareast-language:EN-US">',
  '<div style="padding:4px 0;font-family:&quot;Segoe UI&quot;,Tahoma,sans-serif;font-size:10.5pt"><span lang="EN-GB">',
];
const CLOSES = [
  '<o:p></o:p></p>\r\n<p class="MsoNormal" style="margin:0cm 0cm 8pt;line-height:107%;font-size:11pt"><o:p>&nbsp;</o:p></p>\r\n',
  '</p>\r\n<p style="margin:0 0 10px 0;font-family:Arial,Helvetica,sans-serif;font-size:14px">&nbsp;</p>\r\n',
  '</span></div>\r\n<div style="padding:4px 0"><br class="Apple-interchange-newline"></div>\r\n',
];
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

const QUOTED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const plain = byte >= 32 && byte < 127 && byte !== 61;
  return plain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** Quoted-printable of one line of text, with soft breaks (RFC 2045 section 6.7). */
export function quotedPrintable(line: string): string {
  let out = '';
  let width = 0;
  for (const byte of Buffer.from(line)) {
    const token = QUOTED[byte] ?? '';
    if (width + token.length > 72) {
      out += '=\r\n';
      width = 0;
    }
    out += token;
    width += token.length;
  }
  return out.endsWith(' ') ? `${out.slice(0, -1)}=20` : out;
}

const encodeLines = (text: string) => text.split('\r\n').map(quotedPrintable).join('\r\n');

function offsets(parts: readonly { length: number }[]): Uint32Array {
  const result = new Uint32Array(parts.length + 1);
  let sum = 0;
  parts.forEach((part, index) => {
    sum += part.length;
    result[index + 1] = sum;
  });
  return result;
}

function paragraphText(
  random: Random,
  words: readonly string[],
  zipf: Uint16Array,
  accents: boolean,
): string[] {
  const count = 25 + random.below(70);
  const lines: string[] = [];
  let line = '';
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
    if (line.length + word.length > 72) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(`${line}.`);
  return lines;
}

function buildPool(kind: TextPool['encoding'], paragraphs: number): TextPool {
  const random = new Random(kind === '7bit' ? 0x7b17 : 0x9b17);
  const words = vocabulary(random, 900);
  const zipf = zipfTable(words.length);
  const texts: string[] = [];
  const htmls: string[] = [];
  for (let index = 0; index < paragraphs; index++) {
    const lines = paragraphText(random, words, zipf, kind !== '7bit');
    const style = random.below(STYLES.length);
    texts.push(`${lines.join('\r\n')}\r\n\r\n`);
    htmls.push(`${STYLES[style] ?? ''}\r\n${lines.join('\r\n')}${CLOSES[style] ?? ''}`);
  }
  if (kind === '7bit') return asciiPool(texts, htmls);
  const encodedTexts = texts.map(encodeLines);
  const encodedHtmls = htmls.map(encodeLines);
  return {
    paragraphs,
    text: Buffer.from(encodedTexts.join(''), 'latin1'),
    textOffsets: offsets(encodedTexts),
    html: Buffer.from(encodedHtmls.join(''), 'latin1'),
    htmlOffsets: offsets(encodedHtmls),
    encoding: kind,
    decodedHtml: (from, to) => htmls.slice(from, to).join(''),
    decodedText: (from, to) => texts.slice(from, to).join(''),
    json: jsonOf(texts, htmls),
  };
}

/** Paragraphs as they stand inside a JSON string; made when they are first asked for. */
function escapedPool(paragraphs: readonly string[]): (from: number, to: number) => Buffer {
  let plain = paragraphs;
  let made: { bytes: Buffer; at: Uint32Array } | undefined;
  return (from, to) => {
    if (made === undefined) {
      const pieces = plain.map((text) => Buffer.from(JSON.stringify(text).slice(1, -1)));
      plain = [];
      made = { bytes: Buffer.concat(pieces), at: offsets(pieces) };
    }
    return made.bytes.subarray(made.at[from], made.at[to]);
  };
}

function jsonOf(texts: readonly string[], htmls: readonly string[]): TextPool['json'] {
  const escaped = { text: escapedPool(texts), html: escapedPool(htmls) };
  return (form, from, to) => escaped[form](from, to);
}

function asciiPool(texts: readonly string[], htmls: readonly string[]): TextPool {
  const text = Buffer.from(texts.join(''), 'latin1');
  const html = Buffer.from(htmls.join(''), 'latin1');
  const textOffsets = offsets(texts);
  const htmlOffsets = offsets(htmls);
  return {
    paragraphs: texts.length,
    text,
    textOffsets,
    html,
    htmlOffsets,
    encoding: '7bit',
    decodedHtml: (from, to) => html.toString('latin1', htmlOffsets[from], htmlOffsets[to]),
    decodedText: (from, to) => text.toString('latin1', textOffsets[from], textOffsets[to]),
    json: jsonOf(texts, htmls),
  };
}

let ascii: TextPool | undefined;
let unicode: TextPool | undefined;

/** The pool of plain ASCII paragraphs (most messages). Built on first use, then shared by the process. */
export function asciiText(): TextPool {
  ascii ??= buildPool('7bit', 14000);
  return ascii;
}

/** The pool of paragraphs with accents, other scripts and emoji, quoted-printable in MIME. */
export function unicodeText(): TextPool {
  unicode ??= buildPool('quoted-printable', 900);
  return unicode;
}
