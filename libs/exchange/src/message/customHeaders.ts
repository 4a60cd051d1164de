import type { JsonObject } from '@holdfast/contracts';

/** Graph accepts five on creation; more would be kept for nothing. */
const mostHeaders = 5;
/** Headers beyond this are left alone: only the beginning of a message is looked at. */
const headBytes = 64 * 1024;
const longestValue = 990;

/** Written by servers on the way; setting them again would be a lie and some are refused. */
const byServers =
  /^x-(ms-|microsoft-|forefront|exchange-|originatororg|received|auto-response-suppress|eop)/i;

/** A name, and a value with its folded lines. */
const customHeader = /^(x-[\x21-\x39\x3b-\x7e]+):[ \t]*(.*(?:\r?\n[ \t].*)*)/gim;

/** The header, without copying the message. */
function headOf(mimeStart: Uint8Array): Buffer {
  const start = Buffer.from(
    mimeStart.buffer,
    mimeStart.byteOffset,
    Math.min(mimeStart.byteLength, headBytes),
  );
  const end = start.indexOf('\r\n\r\n');
  const head = end < 0 ? start : start.subarray(0, end);
  const bareEnd = head.indexOf('\n\n');
  return bareEnd < 0 ? head : head.subarray(0, bareEnd);
}

/**
 * The headers beginning with `x-` that the sender's program wrote, from the first bytes of a MIME message. They
 * can be given to a restored message; all others exist in the MIME only.
 */
export function customHeadersOf(mimeStart: Uint8Array): JsonObject[] {
  const headers: JsonObject[] = [];
  for (const [, name = '', folded = ''] of headOf(mimeStart).toString('latin1').matchAll(customHeader)) {
    const value = folded.replace(/\r?\n[ \t]+/g, ' ').trim();
    if (value === '' || byServers.test(name) || value.length > longestValue) continue;
    if (!/^[\x20-\x7e]*$/.test(value)) continue;
    headers.push({ name, value });
    if (headers.length === mostHeaders) break;
  }
  return headers;
}
