/** How base64 text is laid out in lines. */
export interface Base64Layout {
  /** Characters a line without its break, a multiple of 4; 0 when all is one line. */
  lineLength: number;
  /** Bytes of a line break: 0 when there is none at all, 1 for LF, 2 for CRLF. */
  breakBytes: 0 | 1 | 2;
  /** The last line has a break, too. */
  finalBreak: boolean;
}

/** How many bytes `size` bytes become in this layout. */
export function encodedLength(size: number, layout: Base64Layout): number {
  const characters = Math.ceil(size / 3) * 4;
  if (layout.lineLength === 0 || characters === 0) return characters;
  const breaks = Math.ceil(characters / layout.lineLength) - (layout.finalBreak ? 0 : 1);
  return characters + breaks * layout.breakBytes;
}
