import type { Base64Codec } from './base64Codec.ts';
import { type Base64Layout, encodedLength } from './base64Layout.ts';

const LF = 10;
const CR = 13;

/** Base64 with what Node has, by way of strings: for lines of any length, and wherever there is no SIMD. */
export const scriptCodec: Base64Codec = {
  decodeStep(text, from, to, layout, target, at, size) {
    if (target.write(text.toString('latin1', from, to), at, 'base64') !== size) return false;
    const proof = scratchFor(to - from);
    const length = this.encodeStep(target, at, at + size, layout, proof, 0);
    return proof.compare(text, from, to, 0, length) === 0;
  },

  encodeStep(source, from, to, layout, target, at) {
    const total = encodedLength(to - from, layout);
    const characters = Math.ceil((to - from) / 3) * 4;
    // The letters go to the end of their place and are spread forwards line by line: no second buffer.
    const letters = at + total - characters;
    target.write(source.toString('base64', from, to), letters, characters, 'latin1');
    if (layout.lineLength > 0) spreadLines(target, letters, characters, layout, at);
    return total;
  },
};

let scratch = Buffer.alloc(0);

function scratchFor(size: number): Buffer {
  if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(size);
  return scratch;
}

/**
 * Moves letters forwards to `at`, with a break after each line. Eight letters go as one double, which keeps
 * their bytes because no letters are a NaN; a step never reaches letters that are still to be read, because
 * `at` lies before `start`.
 */
function spreadLines(
  target: Buffer,
  start: number,
  count: number,
  { breakBytes, finalBreak, lineLength }: Base64Layout,
  at: number,
): void {
  const view = new DataView(target.buffer, target.byteOffset, target.length);
  const last = start + count;
  let from = start;
  let to = at;
  while (from < last) {
    const length = Math.min(last - from, lineLength);
    let done = 0;
    for (; done + 8 <= length; done += 8) {
      view.setFloat64(to + done, view.getFloat64(from + done, true), true);
    }
    if (done < length) view.setUint32(to + done, view.getUint32(from + done, true), true);
    from += length;
    to += length;
    if (from === last && !finalBreak) return;
    if (breakBytes === 2) view.setUint8(to++, CR);
    if (breakBytes > 0) view.setUint8(to++, LF);
  }
}
