import { createHash } from 'node:crypto';
import { mix } from '../random.ts';

/** What an id of the simulator stands for. */
export type DecodedId =
  | { readonly kind: 'message'; readonly n: number; readonly moves: number; readonly immutable: boolean }
  | { readonly kind: 'folder'; readonly number: number }
  | {
      readonly kind: 'attachment';
      readonly n: number;
      readonly moves: number;
      readonly ordinal: number;
      readonly immutable: boolean;
    };

const KINDS = { message: 1, folder: 2, attachment: 3 } as const;
const REGULAR = 'AAMkAD';
const IMMUTABLE = 'AAkALg';

/**
 * Makes and reads the ids of one mailbox. A regular id carries the number of moves, so it changes when the message
 * moves; an immutable one does not. Ids are long, case sensitive and hold `-`, `_` and `=`, as Exchange's do.
 */
export class MailboxIds {
  readonly #mailbox: string;
  readonly #check: number;
  /** The id that was made last: all messages of a page name the same folder. */
  #lastFolder = { number: -1, id: '' };

  constructor(mailboxGuid: string) {
    const digest = createHash('sha256').update(`ids of ${mailboxGuid}`).digest();
    this.#mailbox = `${digest.toString('base64url').slice(0, 40)}-_${digest.toString('base64url').slice(20, 42)}`;
    this.#check = digest.readUInt32BE(0);
  }

  message(n: number, moves: number, immutable: boolean): string {
    return this.#encode(KINDS.message, n, moves, 0, immutable);
  }

  folder(number: number): string {
    if (this.#lastFolder.number !== number)
      this.#lastFolder = { number, id: this.#encode(KINDS.folder, number, 0, 0, false) };
    return this.#lastFolder.id;
  }

  attachment(n: number, moves: number, ordinal: number, immutable: boolean): string {
    return this.#encode(KINDS.attachment, n, moves, ordinal, immutable);
  }

  /** Reads an id: undefined when it is malformed, `foreign` when it belongs to another mailbox. */
  decode(id: string): DecodedId | 'foreign' | undefined {
    const immutable = id.startsWith(IMMUTABLE);
    if ((!immutable && !id.startsWith(REGULAR)) || id.length !== 90) return undefined;
    const bytes = Buffer.from(id.slice(70), 'base64url');
    if (bytes.length !== 13) return undefined;
    if (!id.startsWith(this.#mailbox, REGULAR.length)) return 'foreign';
    const kind = bytes[0];
    const n = bytes.readUInt32BE(1);
    const moves = bytes.readUInt16BE(5);
    const ordinal = bytes.readUInt16BE(7);
    if (bytes.readUInt32BE(9) !== this.#sum(kind ?? 0, n, moves, ordinal)) return undefined;
    if (kind === KINDS.message) return { kind: 'message', n, moves, immutable };
    if (kind === KINDS.folder) return { kind: 'folder', number: n };
    return { kind: 'attachment', n, moves, ordinal, immutable };
  }

  #sum(kind: number, n: number, moves: number, ordinal: number): number {
    return mix(mix(this.#check, n), mix(kind * 65536 + moves, ordinal));
  }

  #encode(kind: number, n: number, moves: number, ordinal: number, immutable: boolean): string {
    const counted = immutable ? 0 : moves & 0xffff;
    const bytes = Buffer.allocUnsafe(13);
    bytes[0] = kind;
    bytes.writeUInt32BE(n, 1);
    bytes.writeUInt16BE(counted, 5);
    bytes.writeUInt16BE(ordinal, 7);
    bytes.writeUInt32BE(this.#sum(kind, n, counted, ordinal), 9);
    return `${immutable ? IMMUTABLE : REGULAR}${this.#mailbox}${bytes.toString('base64url')}==`;
  }
}

/** The change key of a version of an item: changes with every change, and only then. */
export function changeKey(n: number, version: number): string {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(0x09000000, 0);
  bytes.writeUInt32BE(mix(n, 0x6b6579), 4);
  bytes.writeUInt32BE(version, 8);
  return bytes.toString('base64');
}
