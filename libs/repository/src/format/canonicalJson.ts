/** JSON values as they are stored. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/** Deeper input is refused: a stack overflow must not be reachable from stored or fetched data. */
const DEEPEST = 200;

/**
 * One text for one value: keys in order of code units, no white space, `undefined` members left out.
 * Throws `TypeError` for what JSON cannot carry (NaN, Infinity, functions) and for nesting beyond 200.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/**
 * The bytes of `canonicalJson` of an object with more members, whose texts are canonical JSON already. A name that
 * both have is taken from `texts`.
 */
export function canonicalBytes(
  object: JsonObject,
  texts: ReadonlyMap<string, Uint8Array> = new Map(),
): Buffer {
  if (texts.size === 0) return Buffer.from(canonicalJson(object));
  const pieces: Uint8Array[] = [];
  let text = '{';
  let first = true;
  const keys = Object.keys(object);
  for (const key of texts.keys()) if (!Object.hasOwn(object, key)) keys.push(key);
  for (const key of inOrder(keys)) {
    const given = texts.get(key);
    if (given === undefined && object[key] === undefined) continue;
    text += `${first ? '' : ','}${JSON.stringify(key)}:`;
    first = false;
    if (given === undefined) {
      text += write(object[key], 1);
      continue;
    }
    pieces.push(Buffer.from(text), given);
    text = '';
  }
  return Buffer.concat([...pieces, Buffer.from(`${text}}`)]);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} cannot be stored as JSON.`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= DEEPEST) throw new TypeError(`The value is nested deeper than ${DEEPEST}.`);
      return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
    default:
      throw new TypeError(`A ${typeof value} cannot be stored as JSON.`);
  }
}

function writeArray(values: unknown[], depth: number): string {
  let text = '[';
  for (let at = 0; at < values.length; at++) text += (at ? ',' : '') + write(values[at], depth);
  return `${text}]`;
}

function writeObject(value: object, depth: number): string {
  const members = value as Record<string, unknown>;
  let text = '';
  for (const key of inOrder(Object.keys(members))) {
    const member = members[key];
    if (member === undefined) continue;
    text += `${(text ? ',' : '') + JSON.stringify(key)}:${write(member, depth)}`;
  }
  return `{${text}}`;
}

/** Sorts in place, by code units. Most objects have few keys, for which `sort` costs more than all the rest. */
function inOrder(keys: string[]): string[] {
  if (keys.length > 32) return keys.sort();
  for (let end = 1; end < keys.length; end++) {
    const key = keys[end] as string;
    let at = end;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}
