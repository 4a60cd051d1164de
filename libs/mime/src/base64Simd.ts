import { type Base64Codec, STEP_CHARACTERS } from './base64Codec.ts';
import { type Base64Layout, encodedLength } from './base64Layout.ts';
import { base64Module } from './base64Module.ts';

/** The exports of base64.wat. */
interface Base64Exports {
  memory: { buffer: ArrayBuffer };
  decode(text: number, textEnd: number, lineLength: number, breakBytes: number, plain: number): void;
  encode(plain: number, plainEnd: number, lineBytes: number, breakBytes: number, text: number): void;
}

/** As far as it is needed; the types of Node leave it to those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
};

// A place for each in the module's memory of three pages. The proof does not lie where the text lay: it must
// not be able to find there what it is compared with.
const TEXT = 0;
const PLAIN = 64 * 1024;
const PROOF = 128 * 1024;
const LETTER_A = 65;

/** Whether lines of this length can be done 16 letters at a time in the module's memory. */
export function fitsSimd({ breakBytes, lineLength }: Base64Layout): boolean {
  return lineLength >= 0 && lineLength % 4 === 0 && lineLength + breakBytes <= STEP_CHARACTERS;
}

/** Base64 in WebAssembly, for layouts that `fitsSimd`; undefined where it cannot be had. */
export function createSimdCodec(): Base64Codec | undefined {
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64Module, 'base64')));
    return new SimdCodec(instance.exports as Base64Exports);
  } catch {
    // An old processor, or no memory for it: strings do it, too.
    return undefined;
  }
}

class SimdCodec implements Base64Codec {
  readonly #module: Base64Exports;
  readonly #memory: Buffer;

  constructor(module: Base64Exports) {
    this.#module = module;
    this.#memory = Buffer.from(module.memory.buffer);
  }

  decodeStep(
    text: Buffer,
    from: number,
    to: number,
    layout: Base64Layout,
    target: Buffer,
    at: number,
    size: number,
  ): boolean {
    const { lineLength, breakBytes, finalBreak } = layout;
    copyRange(text, from, to, this.#memory, TEXT);
    const end = TEXT + to - from - (lineLength > 0 && finalBreak ? breakBytes : 0);
    // Padding is read as zeros; whether there was any is for the proof to say.
    if (size % 3 > 0) this.#memory[end - 1] = LETTER_A;
    if (size % 3 === 1) this.#memory[end - 2] = LETTER_A;
    this.#module.decode(TEXT, end, lineLength || STEP_CHARACTERS, breakBytes, PLAIN);
    copyRange(this.#memory, PLAIN, PLAIN + size, target, at);
    const length = this.#encode(target, at, at + size, layout);
    return this.#memory.compare(text, from, to, PROOF, PROOF + length) === 0;
  }

  encodeStep(
    source: Buffer,
    from: number,
    to: number,
    layout: Base64Layout,
    target: Buffer,
    at: number,
  ): number {
    const length = this.#encode(source, from, to, layout);
    copyRange(this.#memory, PROOF, PROOF + length, target, at);
    return length;
  }

  /** The text is at `PROOF` then. */
  #encode(source: Buffer, from: number, to: number, layout: Base64Layout): number {
    const size = to - from;
    copyRange(source, from, to, this.#memory, PLAIN);
    const lineBytes = ((layout.lineLength || STEP_CHARACTERS) * 3) / 4;
    this.#module.encode(PLAIN, PLAIN + size, lineBytes, layout.breakBytes, PROOF);
    return encodedLength(size, layout);
  }
}

/**
 * Copies a range that is not empty. Its last byte goes by itself: `Buffer.copy` takes a whole buffer byte by
 * byte when it is shared memory, but ranges natively.
 */
function copyRange(source: Buffer, from: number, to: number, target: Buffer, at: number): void {
  source.copy(target, at, from, to - 1);
  target[at + to - from - 1] = source[to - 1] ?? 0;
}
