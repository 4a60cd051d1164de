import type { ListedBody } from '../ports.ts';

/** The JSON text of the property, keys in the order of canonical JSON. */
export const bodyJson = ({ contentType, content }: ListedBody): Uint8Array =>
  Buffer.concat([
    Buffer.from('{"content":'),
    content,
    Buffer.from(`,"contentType":${JSON.stringify(contentType)}}`),
  ]);

/** Spellings of the prefix that mail programs use. */
const prefixes = ['cid:', 'CID:', 'Cid:'].map((text) => Buffer.from(text));

/** Whether an HTML body may refer to an inline attachment; cheaper and less exact than a look into its text. */
export function mayReferInline({ contentType, content }: ListedBody): boolean {
  if (contentType.toLowerCase() !== 'html') return false;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return prefixes.some((prefix) => bytes.includes(prefix));
}
