import type { ListedBody } from '../ports.ts';

const tails = new Map<string, Buffer>();

/** What follows the content in the JSON text of the property. */
export function bodyTail(contentType: string): Buffer {
  const known = tails.get(contentType);
  if (known !== undefined) return known;
  const tail = Buffer.from(`,"contentType":${JSON.stringify(contentType)}}`);
  // There are two of them; a service that invents more is not remembered for it.
  if (tails.size < 8) tails.set(contentType, tail);
  return tail;
}

/** The JSON text of the property, keys in the order of canonical JSON. */
export const bodyJson = ({ contentType, content, json }: ListedBody): Uint8Array =>
  json ?? Buffer.concat([Buffer.from('{"content":'), content, bodyTail(contentType)]);

/** Spellings of the prefix that mail programs use. */
const prefixes = ['cid:', 'CID:', 'Cid:'].map((text) => Buffer.from(text));

/** Whether an HTML body may refer to an inline attachment; cheaper and less exact than a look into its text. */
export function mayReferInline({ contentType, content }: ListedBody): boolean {
  if (contentType.toLowerCase() !== 'html') return false;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return prefixes.some((prefix) => bytes.includes(prefix));
}
