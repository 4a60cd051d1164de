import { type Base64Layout, encodedLength } from './base64Layout.ts';

/** Decodes and encodes one step, which is never empty: whole lines, or the last ones of the text. */
export interface Base64Codec {
  /**
   * Decodes `text[from, to)` into `target` at `at`, `size` bytes, and proves it: what lies in `target` then is
   * encoded again in the same layout and compared. False when it is not byte for byte the same.
   */
  decodeStep(
    text: Buffer,
    from: number,
    to: number,
    layout: Base64Layout,
    target: Buffer,
    at: number,
    size: number,
  ): boolean;
  /** Encodes `source[from, to)` into `target` at `at` and returns the number of bytes written. */
  encodeStep(
    source: Buffer,
    from: number,
    to: number,
    layout: Base64Layout,
    target: Buffer,
    at: number,
  ): number;
}

/** Of text in a step, which stays in the processor's cache; only a longer line is a step of its own. */
export const STEP_CHARACTERS = 48 * 1024;

/** How much a whole step has. */
function stepOf({ breakBytes, lineLength }: Base64Layout): { text: number; plain: number } {
  if (lineLength === 0) return { text: STEP_CHARACTERS, plain: (STEP_CHARACTERS * 3) / 4 };
  const lines = Math.max(1, Math.floor(STEP_CHARACTERS / (lineLength + breakBytes)));
  return { text: lines * (lineLength + breakBytes), plain: (lines * lineLength * 3) / 4 };
}

/** Decodes and proves `text[start, end)`, which must become `size` bytes. Writes nothing beyond `target`. */
export function decodeSteps(
  codec: Base64Codec,
  text: Buffer,
  start: number,
  end: number,
  layout: Base64Layout,
  target: Buffer,
  at: number,
  size: number,
): boolean {
  if (end - start !== encodedLength(size, layout)) return false;
  if (end > text.length || at + size > target.length) return false;
  const step = stepOf(layout);
  const whole = { ...layout, finalBreak: true };
  let done = 0;
  for (let from = start; from < end; from += step.text) {
    const to = Math.min(from + step.text, end);
    const part = Math.min(step.plain, size - done);
    if (!codec.decodeStep(text, from, to, to === end ? layout : whole, target, at + done, part)) return false;
    done += part;
  }
  return done === size;
}

/** Encodes `source[start, end)` into `target` at `at` and returns the number of bytes written. */
export function encodeSteps(
  codec: Base64Codec,
  source: Buffer,
  start: number,
  end: number,
  layout: Base64Layout,
  target: Buffer,
  at: number,
): number {
  const room = target.length - at;
  // A codec that reads behind its source would find bytes of other contents there.
  if (end > source.length || encodedLength(end - start, layout) > room) {
    throw new RangeError('no room for the bytes to encode');
  }
  const { plain } = stepOf(layout);
  const whole = { ...layout, finalBreak: true };
  let written = 0;
  for (let from = start; from < end; from += plain) {
    const to = Math.min(from + plain, end);
    written += codec.encodeStep(source, from, to, to === end ? layout : whole, target, at + written);
  }
  return written;
}
