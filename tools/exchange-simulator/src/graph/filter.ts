import { badRequest } from './errors.ts';

/** A parsed `$filter`. */
export type Filter =
  | { readonly op: 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly op: 'not'; readonly inner: Filter }
  | { readonly op: 'compare'; readonly path: string; readonly by: Comparison; readonly value: Literal }
  | {
      readonly op: 'text';
      readonly test: 'startswith' | 'endswith' | 'contains';
      readonly path: string;
      readonly value: string;
    }
  | { readonly op: 'any'; readonly path: string; readonly variable: string; readonly inner: Filter };
export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le';
export type Literal = string | number | boolean | null;

const TOKEN =
  /\s*(?:('(?:[^']|'')*')|([A-Za-z_@][\w./@:-]*)|(\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)|(-?\d+(?:\.\d+)?)|([(),:]))/y;

interface Token {
  readonly kind: 'string' | 'word' | 'date' | 'number' | 'sign';
  readonly text: string;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  let end = 0;
  while (text.slice(end).trim() !== '') {
    pattern.lastIndex = end;
    const found = pattern.exec(text);
    if (!found) throw badRequest(`Invalid filter clause: Syntax error at position ${end} in '${text}'.`);
    end = pattern.lastIndex;
    const [, string, word, date, number, sign] = found;
    if (string !== undefined)
      tokens.push({ kind: 'string', text: string.slice(1, -1).replaceAll("''", "'") });
    else if (word !== undefined) tokens.push(...splitLambda(word));
    else if (date !== undefined) tokens.push({ kind: 'date', text: date });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else tokens.push({ kind: 'sign', text: sign ?? '' });
  }
  return tokens;
}

/** `ep:ep/id` is a variable, a colon and a path: words may not swallow the colon. */
function splitLambda(word: string): Token[] {
  const colon = word.indexOf(':');
  if (colon < 0) return [{ kind: 'word', text: word }];
  const rest = word.slice(colon + 1);
  const tokens: Token[] = [
    { kind: 'word', text: word.slice(0, colon) },
    { kind: 'sign', text: ':' },
  ];
  return rest === '' ? tokens : [...tokens, { kind: 'word', text: rest }];
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
  }

  parse(): Filter {
    const filter = this.#or();
    if (this.#at < this.#tokens.length) throw this.#syntaxError();
    return filter;
  }

  #or(): Filter {
    let left = this.#and();
    while (this.#takeWord('or')) left = { op: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Filter {
    let left = this.#primary();
    while (this.#takeWord('and')) left = { op: 'and', left, right: this.#primary() };
    return left;
  }

  #primary(): Filter {
    if (this.#takeWord('not')) return { op: 'not', inner: this.#primary() };
    if (this.#takeSign('(')) {
      const inner = this.#or();
      this.#needSign(')');
      return inner;
    }
    const path = this.#need('word');
    if (this.#takeSign('(')) return this.#call(path);
    const by = this.#need('word').toLowerCase();
    if (!isComparison(by)) throw this.#syntaxError();
    return { op: 'compare', path, by, value: this.#literal() };
  }

  #call(name: string): Filter {
    const lower = name.toLowerCase();
    if (lower === 'startswith' || lower === 'endswith' || lower === 'contains') {
      const path = this.#need('word');
      this.#needSign(',');
      const value = this.#literal();
      this.#needSign(')');
      return { op: 'text', test: lower, path, value: String(value) };
    }
    if (!lower.endsWith('/any')) throw badRequest(`An unknown function with name '${name}' was found.`);
    const variable = this.#need('word');
    this.#needSign(':');
    const inner = this.#or();
    this.#needSign(')');
    return { op: 'any', path: name.slice(0, -'/any'.length), variable, inner };
  }

  #literal(): Literal {
    const token = this.#tokens[this.#at++];
    if (!token) throw this.#syntaxError();
    if (token.kind === 'string' || token.kind === 'date') return token.text;
    if (token.kind === 'number') return Number(token.text);
    if (token.text === 'true') return true;
    if (token.text === 'false') return false;
    if (token.text === 'null') return null;
    throw this.#syntaxError();
  }

  #takeWord(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #takeSign(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }

  #needSign(sign: string): void {
    if (!this.#takeSign(sign)) throw this.#syntaxError();
  }

  #need(kind: Token['kind']): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== kind) throw this.#syntaxError();
    return token.text;
  }

  #syntaxError() {
    return badRequest(`Invalid filter clause: Syntax error in '${this.#source}'.`);
  }
}

function isComparison(text: string): text is Comparison {
  return ['eq', 'ne', 'gt', 'ge', 'lt', 'le'].includes(text);
}

/** Parses a `$filter`. Throws 400 with Graph's wording. */
export function parseFilter(text: string): Filter {
  return new Parser(text).parse();
}

/** The paths that a filter looks at, without lambda variables. */
export function filterPaths(filter: Filter): string[] {
  if ('left' in filter) return [...filterPaths(filter.left), ...filterPaths(filter.right)];
  return filter.op === 'not' ? filterPaths(filter.inner) : [filter.path];
}

/** The parts of a filter that are all required: `a and b and c`. */
export function conjuncts(filter: Filter): Filter[] {
  return filter.op === 'and' ? [...conjuncts(filter.left), ...conjuncts(filter.right)] : [filter];
}

/** A property of a JSON object by a path like `from/emailAddress/address`. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const step of path.split('/')) {
    if (typeof value !== 'object' || value === null) return null;
    value = (value as Record<string, unknown>)[step];
  }
  return value ?? null;
}

function compare(left: unknown, by: Comparison, right: Literal): boolean {
  if (by === 'eq' || by === 'ne') {
    const same =
      typeof left === 'string' && typeof right === 'string'
        ? left.toLowerCase() === right.toLowerCase() || sameTime(left, right)
        : (left ?? null) === right;
    return (by === 'eq') === same;
  }
  if (left === null || left === undefined || right === null) return false;
  const a = comparable(left);
  const b = comparable(right);
  if (by === 'gt') return a > b;
  if (by === 'ge') return a >= b;
  return by === 'lt' ? a < b : a <= b;
}

const isTime = (text: string) => /^\d{4}-\d\d-\d\d/.test(text);
const sameTime = (a: string, b: string) => isTime(a) && isTime(b) && Date.parse(a) === Date.parse(b);

function comparable(value: unknown): number | string {
  if (typeof value === 'string' && isTime(value)) return Date.parse(value);
  return typeof value === 'number' ? value : String(value);
}

/** Whether a JSON object passes the filter. */
export function passes(filter: Filter, object: unknown): boolean {
  switch (filter.op) {
    case 'and':
      return passes(filter.left, object) && passes(filter.right, object);
    case 'or':
      return passes(filter.left, object) || passes(filter.right, object);
    case 'not':
      return !passes(filter.inner, object);
    case 'compare':
      return compare(valueAt(object, filter.path), filter.by, filter.value);
    case 'text': {
      const value = valueAt(object, filter.path);
      if (typeof value !== 'string') return false;
      const [text, part] = [value.toLowerCase(), filter.value.toLowerCase()];
      if (filter.test === 'startswith') return text.startsWith(part);
      return filter.test === 'endswith' ? text.endsWith(part) : text.includes(part);
    }
    case 'any': {
      const list = valueAt(object, filter.path);
      if (!Array.isArray(list)) return false;
      return list.some((element) => passes(filter.inner, { [filter.variable]: element }));
    }
  }
}
