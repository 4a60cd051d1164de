import { mix, Random } from '../random.ts';

/**
 * Attachment contents, made of base64 lines that are prepared once: a file is a row of blocks copied from the pool
 * at scattered lines, so that generating it costs a copy, no two files share long runs, and no compressor sees a
 * repeat. The raw bytes carry 6.4 bits of entropy each: they compress to about 0.8, as mixed office files do.
 */
const LINE_RAW = 57;
const LINE_ENCODED = 78;
const BLOCK_LINES = 144;
const POOL_LINES = 300_000;

const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
/** Of 256 bytes, the 85 that files are made of: the one for each random byte. */
const SYMBOLS = Uint8Array.from(
  { length: 256 },
  (_, index) => (Math.floor((index * 85) / 256) * 3 + 1) & 255,
);

let pool: Buffer | undefined;

function lines(): Buffer {
  pool ??= encodedLines();
  return pool;
}

/** Encoded here, three bytes at a time: there is no use for the raw bytes. */
function encodedLines(): Buffer {
  const random = new Random(0xa77ac4);
  const made = Buffer.allocUnsafe(POOL_LINES * LINE_ENCODED);
  let at = 0;
  for (let line = 0; line < POOL_LINES; line++) {
    for (let group = 0; group < LINE_RAW; group += 3) {
      const value = random.next();
      const first = SYMBOLS[value & 255] ?? 0;
      const second = SYMBOLS[(value >>> 8) & 255] ?? 0;
      const third = SYMBOLS[(value >>> 16) & 255] ?? 0;
      made[at++] = BASE64[first >> 2] ?? 0;
      made[at++] = BASE64[((first & 3) << 4) | (second >> 4)] ?? 0;
      made[at++] = BASE64[((second & 15) << 2) | (third >> 6)] ?? 0;
      made[at++] = BASE64[third & 63] ?? 0;
    }
    made[at++] = 13;
    made[at++] = 10;
  }
  return made;
}

/** Length of `bytes` raw bytes as base64 lines of 76 characters, each ended by CRLF. */
export function encodedLength(bytes: number): number {
  const full = Math.floor(bytes / LINE_RAW);
  const rest = bytes % LINE_RAW;
  return full * LINE_ENCODED + (rest === 0 ? 0 : Math.ceil(rest / 3) * 4 + 2);
}

/**
 * The file with this content key and size, as base64 MIME lines, block by block. The first line names the file, so
 * that two keys never give the same bytes.
 */
export function* fileLines(key: number, bytes: number): Generator<Buffer> {
  const source = lines();
  const random = new Random(key);
  const first = Buffer.alloc(LINE_RAW, 0x20);
  first.write(`file ${key} of ${bytes} bytes`, 0, 'latin1');
  if (bytes < LINE_RAW) {
    yield Buffer.from(`${first.subarray(0, bytes).toString('base64')}\r\n`, 'latin1');
    return;
  }
  yield Buffer.from(`${first.toString('base64')}\r\n`, 'latin1');
  let left = Math.floor(bytes / LINE_RAW) - 1;
  while (left > 0) {
    const count = Math.min(BLOCK_LINES, left);
    const at = random.below(POOL_LINES - BLOCK_LINES) * LINE_ENCODED;
    yield source.subarray(at, at + count * LINE_ENCODED);
    left -= count;
  }
  const rest = bytes % LINE_RAW;
  if (rest > 0) {
    const at = random.below(POOL_LINES) * LINE_ENCODED;
    const tail = Buffer.from(source.toString('latin1', at, at + 76), 'base64').subarray(0, rest);
    yield Buffer.from(`${tail.toString('base64')}\r\n`, 'latin1');
  }
}

/** The raw bytes of the file, in blocks. */
export function* fileBytes(key: number, bytes: number): Generator<Buffer> {
  for (const block of fileLines(key, bytes)) yield Buffer.from(block.toString('latin1'), 'base64');
}

/** A run of base64 characters that looks like a signature. `length` at most 512. */
export function signatureText(key: number, length: number): string {
  signatures ??= Buffer.from(Array.from({ length: 6000 }, (_, index) => mix(0x516, index) & 255)).toString(
    'base64',
  );
  const at = key % (signatures.length - 512);
  return signatures.slice(at, at + length);
}

let signatures: string | undefined;
