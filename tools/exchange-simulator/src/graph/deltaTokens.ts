import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { mix } from '../random.ts';
import { badRequest, GraphError } from './errors.ts';

/** State of a delta walk, sealed into links. */
export interface DeltaState {
  /** Kind of collection: messages, folders, users. */
  readonly of: 'messages' | 'folders' | 'users';
  readonly mailbox: string;
  readonly folder: number;
  /** Changes after this sequence are reported, up to `until`. 0 with `initial`: everything. */
  readonly after: number;
  readonly until: number;
  readonly initial: boolean;
  /** 0: walking what was there from the beginning; 1: walking the log. */
  readonly phase: 0 | 1;
  readonly cursor: number;
  readonly select: string | undefined;
  readonly expand: string | undefined;
  /** Only messages received since, ms. */
  readonly since: number | undefined;
  readonly changeType: string | undefined;
  /** How many more may be reported in this round. */
  readonly left: number | undefined;
}

/** Which tokens die. Without mailbox and folder: all. */
export interface Expiry {
  readonly mailbox?: string;
  readonly folder?: number;
  /** Share of folders whose tokens die, drawn by a hash. Default 1. */
  readonly fraction?: number;
  /** Only links in the middle of a walk (`next`) or at the end of a round (`delta`). */
  readonly link?: 'next' | 'delta';
}

const COUNTED_FROM = 149;
/** The folders of some hundred mailboxes; each takes a kilobyte. */
const mostRecent = 2000;

interface SealedState extends DeltaState {
  readonly link: string;
  readonly serial: number;
}

/** Seals delta states into opaque tokens and opens them again; can let them expire. */
export class DeltaTokens {
  /** A key object: Node takes it apart faster than bytes. */
  readonly #key: KeyObject;
  readonly #seed: number;
  #issued = 0;
  #generation = COUNTED_FROM;
  /** States by tokens that were given out lately: most links come back, and decrypting costs as much as the rest. */
  readonly #recent = new Map<string, SealedState>();
  readonly #expired: { readonly expiry: Expiry; readonly upTo: number }[] = [];

  constructor(seed: number) {
    this.#seed = seed;
    this.#key = createSecretKey(createHash('sha256').update(`delta tokens ${seed}`).digest());
  }

  seal(state: DeltaState, link: 'next' | 'delta'): string {
    const iv = Buffer.allocUnsafe(12);
    iv.writeUInt32BE(++this.#issued, 0);
    iv.writeUInt32BE(mix(this.#issued, this.#seed), 4);
    iv.writeUInt32BE(0, 8);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const sealed = { ...state, link, serial: this.#issued };
    const token = Buffer.concat([
      iv,
      cipher.update(JSON.stringify(sealed)),
      cipher.final(),
      cipher.getAuthTag(),
    ]).toString('base64url');
    this.#recent.set(token, sealed);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > mostRecent && oldest !== undefined) this.#recent.delete(oldest);
    return token;
  }

  /**
   * Opens a token. Throws GraphError 410 SyncStateNotFound when it expired, 400 when it is not one of ours or of
   * another collection. `restart` is where a fresh walk begins.
   */
  open(
    token: string,
    expected: { of: DeltaState['of']; mailbox: string; folder: number; link: 'next' | 'delta' },
    restart: string,
  ): DeltaState {
    const opened = this.#recent.get(token) ?? this.#decrypt(token);
    if (
      !opened ||
      opened.of !== expected.of ||
      opened.mailbox !== expected.mailbox ||
      opened.folder !== expected.folder ||
      opened.link !== expected.link
    ) {
      throw badRequest('Badly formed token.', 'SyncStateInvalid');
    }
    if (
      this.#expired.some(
        (one) => opened.serial <= one.upTo && this.#covers(one.expiry, opened, expected.link),
      )
    ) {
      throw new GraphError(
        410,
        'SyncStateNotFound',
        `The sync state generation is not found; generation=${COUNTED_FROM};[highest=${this.#generation}].`,
        { headers: { location: restart } },
      );
    }
    return opened;
  }

  /** Lets tokens that were issued so far expire. */
  expire(expiry: Expiry): void {
    this.#generation++;
    this.#expired.push({ expiry, upTo: this.#issued });
  }

  #covers(expiry: Expiry, state: DeltaState, link: 'next' | 'delta'): boolean {
    if (expiry.mailbox !== undefined && expiry.mailbox !== state.mailbox) return false;
    if (expiry.folder !== undefined && expiry.folder !== state.folder) return false;
    if (expiry.link !== undefined && expiry.link !== link) return false;
    if (expiry.fraction === undefined) return true;
    const dice = createHash('sha256')
      .update(`${this.#seed} ${state.mailbox} ${state.folder}`)
      .digest()
      .readUInt32BE(0);
    return dice / 4294967296 < expiry.fraction;
  }

  #decrypt(token: string): SealedState | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length < 29) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    try {
      return JSON.parse(
        Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString(),
      );
    } catch {
      return undefined; // not one of our tokens: the caller answers 400
    }
  }
}
