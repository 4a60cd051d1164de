import { createHash } from 'node:crypto';

const longestBytes = 120;
// Names that Windows gives to devices; a folder of messages may be carried there.
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

function cut(text: string, bytes: number): string {
  let name = '';
  let size = 0;
  for (const letter of text) {
    size += Buffer.byteLength(letter);
    if (size > bytes) break;
    name += letter;
  }
  return name;
}

/**
 * The file name of an exported message: date, subject, and a hash of its key, so that two messages never share a
 * name. The subject comes from a mail, that is from anybody: no separators, no control characters, no leading dot.
 */
export function exportName(item: { time: string; subject: string; itemKey: string }): string {
  const clean = item.subject
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}/\\:*?"<>|]+/gu, '_')
    .replaceAll(/\s+/g, ' ')
    .replace(/^[.\s]+/, '')
    .trim();
  const subject = cut(reserved.test(clean) ? `_${clean}` : clean, longestBytes).replace(/[.\s]+$/, '');
  const day = /^\d{4}-\d{2}-\d{2}/.exec(item.time)?.[0] ?? 'undated';
  const hash = createHash('sha256').update(item.itemKey).digest('hex').slice(0, 10);
  return `${day} ${subject === '' ? 'no subject' : subject} ${hash}.eml`;
}
