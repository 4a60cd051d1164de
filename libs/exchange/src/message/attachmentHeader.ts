/** A header block longer than this is not read to its end. */
const longestBlock = 64 * 1024;
const partHeader = /^content-(?:disposition|id)[ \t]*:/im;
const dashes = Buffer.from('--');
const lineFeed = 10;
const emptyCrLfLine = Buffer.from('\n\r\n');
const emptyLfLine = Buffer.from('\n\n');

/**
 * Whether a part of a MIME message says that it is an attachment or an inline one. The headers of parts stand at the
 * beginning and behind lines that begin with `--`, so only those are looked at. In doubt the answer is yes.
 */
export function hasAttachmentHeader(mime: Uint8Array): boolean {
  const bytes = Buffer.from(mime.buffer, mime.byteOffset, mime.byteLength);
  if (saysAttachment(bytes, 0)) return true;
  // Dashes are rarer than line breaks, so they are what is quickly looked for.
  for (let at = bytes.indexOf(dashes); at >= 0; at = bytes.indexOf(dashes, at + 1)) {
    if (bytes[at - 1] === lineFeed && saysAttachment(bytes, at)) return true;
  }
  return false;
}

/** Looks at the lines from a place to the next empty one. */
function saysAttachment(bytes: Buffer, start: number): boolean {
  const beforeCrLf = bytes.indexOf(emptyCrLfLine, start);
  const rest = beforeCrLf < 0 ? bytes : bytes.subarray(0, beforeCrLf);
  const beforeLf = rest.indexOf(emptyLfLine, start);
  const end = beforeLf < 0 ? rest.length : beforeLf;
  return end - start > longestBlock || partHeader.test(bytes.toString('latin1', start, end));
}
