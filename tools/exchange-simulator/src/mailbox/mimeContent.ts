import type { Content, ContentProperties, MimeForm } from './content.ts';
import { type ParsedMime, parseMime } from './parseMime.ts';

const KEPT = 16;
const recent = new Map<MimeContent, Promise<ParsedMime>>();

/** Content that exists as MIME bytes somewhere (a file, the spool); parsed on demand, a few results are kept. */
export class MimeContent implements Content {
  readonly #read: () => Buffer;

  constructor(read: () => Buffer) {
    this.#read = read;
  }

  async properties(): Promise<ContentProperties> {
    return (await this.#parsed()).properties;
  }

  mime(): MimeForm {
    const bytes = this.#read();
    return { length: bytes.length, bytes };
  }

  async attachmentBytes(ordinal: number): Promise<Buffer> {
    const bytes = (await this.#parsed()).attachments[ordinal];
    if (!bytes) throw new RangeError(`no attachment ${ordinal}`);
    return bytes;
  }

  #parsed(): Promise<ParsedMime> {
    const kept = recent.get(this);
    if (kept) return kept;
    const parsed = parseMime(this.#read());
    recent.set(this, parsed);
    const oldest = recent.keys().next().value;
    if (recent.size > KEPT && oldest) recent.delete(oldest);
    return parsed;
  }
}
