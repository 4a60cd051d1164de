const TABLE = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), the checksum of pack trailers; node:zlib has only the other polynomial. */
export function crc32c(...pieces: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at++) {
      crc = (crc >>> 8) ^ (TABLE[(crc ^ (piece[at] ?? 0)) & 0xff] ?? 0);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}
