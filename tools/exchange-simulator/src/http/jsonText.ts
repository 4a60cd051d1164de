import { randomUUID } from 'node:crypto';

const mark = randomUUID();
let texts: Buffer[] | undefined;

/** A string that is at hand as JSON text: it goes into an answer without being escaped and encoded again. */
export class JsonText {
  readonly #bytes: Buffer;

  /** `bytes`: the JSON text with its quotes, UTF-8. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  toJSON(): string {
    if (texts === undefined) return JSON.parse(this.#bytes.toString()) as string;
    texts.push(this.#bytes);
    return mark;
  }
}

/** The JSON text of a value, UTF-8. */
export function jsonBytes(value: unknown): Buffer {
  const ready: Buffer[] = [];
  texts = ready;
  let text: string;
  try {
    text = JSON.stringify(value);
  } finally {
    texts = undefined;
  }
  if (ready.length === 0) return Buffer.from(text);
  const pieces = text.split(`"${mark}"`);
  return Buffer.concat(pieces.flatMap((piece, at) => [Buffer.from(piece), ...ready.slice(at, at + 1)]));
}
