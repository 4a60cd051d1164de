import { createRequire } from 'node:module';

// As sanitize-html loads it: a loader that links modules (jest's) refuses to do both at once.
const { Parser } = createRequire(import.meta.url)('htmlparser2') as typeof import('htmlparser2');

/** Elements whose text nobody reads. */
const unread = new Set(['script', 'style', 'head', 'title', 'noscript', 'template', 'object', 'svg', 'math']);
/** Elements after which a new line begins. */
const blocks = new Set(
  'address article blockquote br dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody td th tr ul'.split(
    ' ',
  ),
);
/** Elements that have no end. */
const voids = new Set('area base br col embed hr img input link meta source track wbr'.split(' '));
const pieceLength = 64 * 1024;

/** The text of HTML as a person reads it, at most so many characters. Never throws, whatever the HTML. */
export function htmlText(html: string, most: number): string {
  const pieces: string[] = [];
  let length = 0;
  let hidden = 0;
  const parser = new Parser(
    {
      ontext(text) {
        if (hidden > 0 || length >= most) return;
        const piece = text.slice(0, most - length);
        pieces.push(piece);
        length += piece.length;
      },
      onopentagname(name) {
        if (unread.has(name)) hidden++;
        else if (blocks.has(name)) pieces.push('\n');
      },
      onclosetag(name) {
        if (unread.has(name)) hidden = Math.max(0, hidden - 1);
        else if (blocks.has(name) && !voids.has(name)) pieces.push('\n');
        else if (name === 'td' || name === 'th') pieces.push(' ');
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  // In pieces, so that a long text ends as soon as enough of it is read.
  for (let at = 0; at < html.length && length < most; at += pieceLength)
    parser.write(html.slice(at, at + pieceLength));
  return tidy(pieces.join(''));
}

const tidy = (text: string): string =>
  text
    .replaceAll(/[ \t\u00a0\r]+/g, ' ')
    .replaceAll(/ ?\n ?/g, '\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
