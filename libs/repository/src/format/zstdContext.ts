import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';

/** The call that node:zlib's own synchronous functions make; asked for again and again it keeps its context. */
interface ZlibHandle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputLength: number,
    output: Uint8Array,
    outputStart: number,
    outputLength: number,
  ): void;
  onerror: (message: string) => void;
  close(): void;
}

/**
 * A zstd context that is used again. `zstdCompressSync` and `zstdDecompressSync` make one for each call, which
 * costs half of compressing a message and two thirds of inflating one; node:zlib has no public call that keeps
 * it. So this uses the handle inside of its streams, and where that is missing or answers anything unexpected
 * it answers undefined, and the caller uses the public functions. What it makes is never trusted: sealing opens
 * every frame again, reading compares lengths and hashes.
 */
export class ZstdContext {
  readonly #open: () => object;
  /** Whether an output that is full to the last byte can be whole. */
  readonly #mayFill: boolean;
  #handle: ZlibHandle | undefined;
  /** Room left in the output, bytes left of the input. */
  #state: Uint32Array | undefined;
  #failed = false;
  #unusable = false;

  static forCompressing(level: number): ZstdContext {
    return new ZstdContext(
      () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } }),
      false,
    );
  }

  static forInflating(): ZstdContext {
    return new ZstdContext(() => createZstdDecompress(), true);
  }

  constructor(open: () => object, mayFill: boolean) {
    this.#open = open;
    this.#mayFill = mayFill;
  }

  /**
   * One whole frame into `output` from `start` on; how many bytes it became, or undefined when it did not work
   * out: no handle, damaged input, too little room.
   */
  run(input: Uint8Array, output: Uint8Array, start: number): number | undefined {
    const room = output.length - start;
    if (!this.#ready() || room <= 0 || input.length === 0) return undefined;
    this.#failed = false;
    this.#handle?.writeSync(constants.ZSTD_e_end, input, 0, input.length, output, start, room);
    const [roomLeft = 0, inputLeft = 1] = this.#state ?? [];
    const isWhole = inputLeft === 0 && (roomLeft > 0 || this.#mayFill);
    if (!this.#failed && isWhole) return room - roomLeft;
    this.#drop();
    return undefined;
  }

  /** Gives a context up that may be in the middle of something. */
  reset(): void {
    this.#drop();
  }

  #ready(): boolean {
    if (this.#unusable) return false;
    if (this.#handle) return true;
    const stream = this.#open() as { _handle?: Partial<ZlibHandle>; _writeState?: unknown };
    const handle = stream._handle;
    if (typeof handle?.writeSync !== 'function' || !ArrayBuffer.isView(stream._writeState)) {
      this.#unusable = true;
      return false;
    }
    this.#handle = handle as ZlibHandle;
    this.#handle.onerror = () => {
      this.#failed = true;
    };
    this.#state = stream._writeState as Uint32Array;
    return true;
  }

  #drop(): void {
    this.#handle?.close();
    this.#handle = undefined;
    this.#state = undefined;
  }
}
