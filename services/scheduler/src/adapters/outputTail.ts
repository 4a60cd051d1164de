/** Keeps the end of what is written, in a bounded number of bytes. */
export interface OutputTail {
  write(chunk: Uint8Array): void;
  /** The end as text; `cut` when something before it was left out. */
  read(): { output: string; outputCut: boolean };
}

export function createOutputTail(limitBytes: number): OutputTail {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let cut = false;
  const shrink = () => {
    const all = Buffer.concat(chunks);
    const tail = all.subarray(Math.max(0, all.length - limitBytes));
    cut ||= tail.length < all.length;
    chunks = [Buffer.from(tail)];
    held = tail.length;
  };
  return {
    write(chunk) {
      chunks.push(chunk);
      held += chunk.byteLength;
      if (held > 2 * limitBytes) shrink();
    },
    read() {
      shrink();
      // A character that the cut went through is shown as such.
      return { output: Buffer.concat(chunks).toString('utf8'), outputCut: cut };
    },
  };
}
