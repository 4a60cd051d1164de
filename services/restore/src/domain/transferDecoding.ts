/** The bytes of a MIME body as they were before their transfer encoding. Whatever is no encoding passes through. */
export async function* decodeTransfer(
  encoding: string,
  body: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  if (encoding === 'base64') yield* decodeBase64(body);
  else if (encoding === 'quoted-printable') yield* decodeQuotedPrintable(body);
  else yield* body;
}

/** Characters outside of the alphabet are skipped, as mail programs do; padding ends a group. */
async function* decodeBase64(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let carried = '';
  for await (const piece of body) {
    const text =
      carried +
      Buffer.from(piece)
        .toString('latin1')
        .replace(/[^A-Za-z0-9+/=]/g, '');
    const groups = text.split(/(?<==)(?!=)/);
    carried = groups.pop() ?? '';
    for (const group of groups) yield Buffer.from(group, 'base64');
    const whole = carried.length - (carried.length % 4);
    if (whole > 0) yield Buffer.from(carried.slice(0, whole), 'base64');
    carried = carried.slice(whole);
  }
  if (carried !== '') yield Buffer.from(carried, 'base64');
}

/** RFC 2045 6.7: `=XX` is a byte, `=` at the end of a line joins lines, white space at the end of a line goes. */
async function* decodeQuotedPrintable(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let carried = '';
  for await (const piece of body) {
    const text = carried + Buffer.from(piece).toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    carried = text.slice(end);
    if (end > 0) yield decodeLines(text.slice(0, end));
  }
  if (carried !== '') yield decodeLines(carried);
}

const decodeLines = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/[ \t]+(?=\r?\n)/g, '')
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
