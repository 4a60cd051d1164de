import type { JsonObject } from '@holdfast/contracts';

/** Graph accepts five on creation; more would be kept for nothing. */
const mostHeaders = 5;
/** Headers beyond this are left alone: only the beginning of a message is looked at. */
const headBytes = 64 * 1024;
const longestValue = 990;

/** Written by servers on the way; setting them again would be a lie and some are refused. */
const byServers =
  /^x-(ms-|microsoft-|forefront|exchange-|originatororg|received|auto-response-suppress|eop)/i;

/** The header, without copying the message. */
function headOf(mimeStart: Uint8Array): Buffer {
  const start = Buffer.from(
    mimeStart.buffer,
    mimeStart.byteOffset,
    Math.min(mimeStart.byteLength, headBytes),
  );
  const ends = [start.indexOf('\r\n\r\n'), start.indexOf('\n\n')].filter((at) => at >= 0);
  return start.subarray(0, Math.min(start.length, ...ends));
}

/**
 * The headers beginning with `x-` that the sender's program wrote, from the first bytes of a MIME message. They
 * can be given to a restored message; all others exist in the MIME only.
 */
export function customHeadersOf(mimeStart: Uint8Array): JsonObject[] {
  const text = headOf(mimeStart).toString('latin1');
  if (!/^x-/im.test(text)) return [];
  const headers: JsonObject[] = [];
  for (const line of text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const match = /^(x-[\x21-\x39\x3b-\x7e]+):[ \t]*(.*)$/i.exec(line);
    const [, name = '', value = ''] = match ?? [];
    const plain = value.trim();
    if (name === '' || plain === '' || byServers.test(name) || plain.length > longestValue) continue;
    if (!/^[\x20-\x7e]*$/.test(plain)) continue;
    headers.push({ name, value: plain });
    if (headers.length === mostHeaders) break;
  }
  return headers;
}
