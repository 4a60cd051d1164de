/** One header of a message, unfolded. */
export interface HeaderLine {
  readonly name: string;
  readonly value: string;
}

/** Where the header block of a message ends (the index behind its last line), also for bare LF and no body. */
export function headerEnd(mime: Buffer): number {
  const crlf = mime.indexOf('\r\n\r\n');
  const lf = mime.indexOf('\n\n');
  if (crlf < 0 && lf < 0) return mime.length;
  if (crlf < 0) return lf + 1;
  return lf < 0 || crlf < lf ? crlf + 2 : lf + 1;
}

/** The header lines of a message in their order; what is no header line is left out. */
export function headerLines(mime: Buffer): HeaderLine[] {
  const block = mime.toString('latin1', 0, headerEnd(mime));
  const lines: HeaderLine[] = [];
  for (const line of block.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon <= 0 || /\s/.test(line.slice(0, colon))) continue;
    lines.push({ name: line.slice(0, colon), value: line.slice(colon + 1).trim() });
  }
  return lines;
}
