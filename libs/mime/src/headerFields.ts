import { decodeBytes, decodeWords } from './headerText.ts';

/** What the scanner needs of a part's header. */
export interface PartHeader {
  contentType: string;
  parameters: Record<string, string>;
  transferEncoding: string;
  disposition: string | undefined;
  fileName: string | undefined;
  contentId: string | undefined;
}

const SPACE = 32;
const TAB = 9;
const WANTED = new Set(['content-type', 'content-transfer-encoding', 'content-disposition', 'content-id']);

/** Understands the four fields of structure of a header in latin1; the first of each name counts. Never throws. */
export function parsePartHeader(text: string, defaultType: string): PartHeader {
  const fields = wantedFields(text);
  const type = parseParameters(fields.get('content-type') ?? '');
  const disposition = parseParameters(fields.get('content-disposition') ?? '');
  const contentType = /^[^\s/;]+\/[^\s/;]+$/.test(type.value) ? type.value.toLowerCase() : defaultType;
  const fileName = disposition.parameters.filename ?? type.parameters.name;
  const id = fields.get('content-id')?.trim().replace(/^<|>$/g, '');
  return {
    contentType,
    parameters: type.parameters,
    transferEncoding:
      withoutComments(fields.get('content-transfer-encoding') ?? '')
        .trim()
        .toLowerCase() || '7bit',
    disposition: disposition.value.toLowerCase() || undefined,
    fileName: fileName === undefined ? undefined : decodeWords(fileName),
    contentId: id || undefined,
  };
}

/** The wanted fields, unfolded. */
function wantedFields(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let name: string | undefined;
  let value = '';
  const keep = () => {
    if (name !== undefined && !found.has(name)) found.set(name, value);
  };
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 ? text.length : feed;
    const first = text.charCodeAt(at);
    if (first === SPACE || first === TAB) {
      if (name !== undefined) value += ` ${text.slice(at, end).trim()}`;
    } else {
      keep();
      // All wanted names begin with this letter: most lines of a header are done here.
      const candidate = first === 67 || first === 99 ? text.slice(at, end) : '';
      const colon = candidate.indexOf(':');
      const wanted = colon > 0 ? candidate.slice(0, colon).trim().toLowerCase() : '';
      name = WANTED.has(wanted) ? wanted : undefined;
      value = name === undefined ? '' : candidate.slice(colon + 1).trim();
    }
    at = end + 1;
  }
  keep();
  return found;
}

/** `value; a=b; c="d"` with RFC 2231 continuations and character sets. */
export function parseParameters(text: string): { value: string; parameters: Record<string, string> } {
  const pieces = splitOutsideQuotes(text);
  const value = withoutComments(pieces[0] ?? '').trim();
  const plain = new Map<string, string>();
  const continued = new Map<string, { index: number; encoded: boolean; text: string }[]>();
  for (const piece of pieces.slice(1)) {
    const equals = piece.indexOf('=');
    if (equals <= 0) continue;
    const name = piece.slice(0, equals).trim().toLowerCase();
    const content = unquote(piece.slice(equals + 1).trim());
    const match = /^([^*]+)\*(?:(\d{1,4})(\*)?)?$/.exec(name);
    if (match?.[1]) {
      const list = continued.get(match[1]) ?? [];
      list.push({
        index: Number(match[2] ?? 0),
        encoded: match[2] === undefined || match[3] === '*',
        text: content,
      });
      continued.set(match[1], list);
    } else if (!plain.has(name)) plain.set(name, content);
  }
  for (const [name, list] of continued) plain.set(name, joinContinuations(list));
  // No prototype: a parameter may be called `__proto__` or `constructor`.
  const parameters: Record<string, string> = Object.create(null);
  for (const [name, content] of plain) parameters[name] = content;
  return { value, parameters };
}

function joinContinuations(list: { index: number; encoded: boolean; text: string }[]): string {
  const sorted = [...list].sort((a, b) => a.index - b.index);
  let charset = 'utf-8';
  const bytes: Buffer[] = [];
  sorted.forEach((piece, position) => {
    let text = piece.text;
    if (piece.encoded && position === 0) {
      const match = /^([^']*)'[^']*'(.*)$/s.exec(text);
      if (match) {
        charset = match[1] || 'utf-8';
        text = match[2] ?? '';
      }
    }
    bytes.push(piece.encoded ? percentBytes(text) : Buffer.from(text, 'latin1'));
  });
  return decodeBytes(Buffer.concat(bytes), charset);
}

function percentBytes(text: string): Buffer {
  const plain = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(plain, 'latin1');
}

function splitOutsideQuotes(text: string): string[] {
  const pieces: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === '\\' && quoted) at++;
    else if (letter === '"') quoted = !quoted;
    else if (letter === ';' && !quoted) {
      pieces.push(text.slice(start, at));
      start = at + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return withoutComments(text).trim();
  let value = '';
  for (let at = 1; at < text.length; at++) {
    const letter = text[at];
    if (letter === '"') break;
    if (letter === '\\' && at + 1 < text.length) at++;
    value += text[at];
  }
  return value;
}

function withoutComments(text: string): string {
  return text.includes('(') ? text.replaceAll(/\([^()]*\)/g, '') : text;
}
