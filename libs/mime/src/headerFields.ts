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
const DASH = 45;
const SEMICOLON = 59;
const QUOTE = 34;
const BACKSLASH = 92;
const TYPE = 'content-type';
const ENCODING = 'content-transfer-encoding';
const DISPOSITION = 'content-disposition';
const ID = 'content-id';

/** Understands the four fields of structure of a header in latin1; the first of each name counts. Never throws. */
export function parsePartHeader(text: string, defaultType: string): PartHeader {
  const fields = wantedFields(text);
  const type = parseParameters(fields[TYPE] ?? '');
  const disposition = fields[DISPOSITION] === undefined ? undefined : parseParameters(fields[DISPOSITION]);
  const contentType = /^[^\s/;]+\/[^\s/;]+$/.test(type.value) ? type.value.toLowerCase() : defaultType;
  const fileName = disposition?.parameters.filename ?? type.parameters.name;
  const id = fields[ID]?.trim().replace(/^<|>$/g, '');
  return {
    contentType,
    parameters: type.parameters,
    transferEncoding:
      withoutComments(fields[ENCODING] ?? '')
        .trim()
        .toLowerCase() || '7bit',
    disposition: disposition?.value.toLowerCase() || undefined,
    fileName: fileName === undefined ? undefined : decodeWords(fileName),
    contentId: id || undefined,
  };
}

type WantedName = typeof TYPE | typeof ENCODING | typeof DISPOSITION | typeof ID;

/** The wanted fields, unfolded. */
function wantedFields(text: string): Record<WantedName, string | undefined> {
  const found = { [TYPE]: undefined, [ENCODING]: undefined, [DISPOSITION]: undefined, [ID]: undefined };
  const fields: Record<WantedName, string | undefined> = found;
  let name: WantedName | undefined;
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 ? text.length : feed;
    const first = text.charCodeAt(at);
    if (first !== SPACE && first !== TAB) {
      name = undefined;
      // All wanted names have these letters here: most lines of a header are done with.
      if ((first === 67 || first === 99) && text.charCodeAt(at + 7) === DASH) {
        const line = text.slice(at, end);
        const colon = line.indexOf(':');
        const wanted = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
        if (isWanted(wanted) && fields[wanted] === undefined) {
          name = wanted;
          fields[name] = line.slice(colon + 1).trim();
        }
      }
    } else if (name !== undefined) fields[name] += ` ${text.slice(at, end).trim()}`;
    at = end + 1;
  }
  return fields;
}

function isWanted(name: string): name is WantedName {
  return name === TYPE || name === ENCODING || name === DISPOSITION || name === ID;
}

/** `value; a=b; c="d"` with RFC 2231 continuations and character sets. */
export function parseParameters(text: string): { value: string; parameters: Record<string, string> } {
  let end = endOfPiece(text, 0);
  const value = withoutComments(text.slice(0, end)).trim();
  // No prototype: a parameter may be called `__proto__` or `constructor`.
  const parameters: Record<string, string> = Object.create(null);
  let continued: Map<string, Continuation[]> | undefined;
  while (end < text.length) {
    const start = end + 1;
    end = endOfPiece(text, start);
    const piece = text.slice(start, end);
    const equals = piece.indexOf('=');
    if (equals <= 0) continue;
    const name = piece.slice(0, equals).trim().toLowerCase();
    const content = unquote(piece.slice(equals + 1).trim());
    const match = name.includes('*') ? /^([^*]+)\*(?:(\d{1,4})(\*)?)?$/.exec(name) : null;
    if (match?.[1]) {
      continued ??= new Map();
      const list = continued.get(match[1]) ?? [];
      list.push({
        index: Number(match[2] ?? 0),
        encoded: match[2] === undefined || match[3] === '*',
        text: content,
      });
      continued.set(match[1], list);
    } else if (!(name in parameters)) parameters[name] = content;
  }
  for (const [name, list] of continued ?? []) parameters[name] = joinContinuations(list);
  return { value, parameters };
}

interface Continuation {
  index: number;
  encoded: boolean;
  text: string;
}

function joinContinuations(list: Continuation[]): string {
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

/** Where the next semicolon outside of quotes is, or the end of the text. */
function endOfPiece(text: string, start: number): number {
  let quoted = false;
  for (let at = start; at < text.length; at++) {
    const letter = text.charCodeAt(at);
    if (letter === BACKSLASH && quoted) at++;
    else if (letter === QUOTE) quoted = !quoted;
    else if (letter === SEMICOLON && !quoted) return at;
  }
  return text.length;
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return withoutComments(text).trim();
  if (!text.includes('\\')) {
    const close = text.indexOf('"', 1);
    return text.slice(1, close < 0 ? text.length : close);
  }
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
