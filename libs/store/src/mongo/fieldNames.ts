import type { Json, JsonObject } from '@holdfast/contracts';

/** Not every server of the MongoDB protocol takes these in field names, and none takes a NUL. */
const special = /[%.$\0]/g;
const hex = (char: string) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`;

const escapeName = (name: string): string => (name === '' ? '%' : name.replace(special, hex));
const unescapeName = (name: string): string =>
  name === '%'
    ? ''
    : name.replace(/%([0-9a-f]{2})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

function rename(value: Json, renamed: (name: string) => string): Json {
  if (Array.isArray(value)) return value.map((one) => rename(one, renamed));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [renamed(name), rename(one, renamed)]),
  );
}

/** The same document with field names that every server stores; declared index fields have no special characters. */
export const escapeNames = (value: JsonObject): JsonObject => rename(value, escapeName) as JsonObject;

export const unescapeNames = (value: JsonObject): JsonObject => rename(value, unescapeName) as JsonObject;
