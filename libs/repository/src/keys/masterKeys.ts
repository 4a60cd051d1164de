import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { EngineRefusal } from '../errors.ts';
import type { ObjectType } from '../format/objectTypes.ts';

/** The secrets of a repository, as they lie wrapped in each key slot. */
export interface MasterKeyBytes {
  /** 32 bytes; never rotates, because it is what deduplicates. */
  idKey: Uint8Array;
  /** 32 bytes each, by generation (0 to 255); the highest is used for writing. */
  encKeys: readonly { generation: number; key: Uint8Array }[];
}

/** What a derived key is for; part of the derivation, so that no key serves two purposes. */
export type KeyPurpose = 'frame' | 'footer' | 'segment' | 'manifest';

/** Derives ids and keys from the master keys; the raw bytes leave this class only towards worker threads. */
export class MasterKeys {
  readonly bytes: MasterKeyBytes;
  readonly currentGeneration: number;
  readonly #idKey: KeyObject;
  readonly #derived = new Map<string, KeyObject>();

  constructor(bytes: MasterKeyBytes) {
    this.bytes = bytes;
    this.#idKey = createSecretKey(bytes.idKey);
    this.currentGeneration = Math.max(...bytes.encKeys.map((entry) => entry.generation));
  }

  /** id = HMAC-SHA-256(idKey, type ‖ bytes): says nothing to one who has not the key. */
  objectId(type: ObjectType, ...pieces: readonly Uint8Array[]): Buffer {
    const hmac = createHmac('sha256', this.#idKey).update(TYPE_BYTES[type]);
    for (const piece of pieces) hmac.update(piece);
    return hmac.digest();
  }

  /** The first 16 bytes of a keyed hash as hex: a mailbox's name in the storage. */
  mailboxKey(identity: string): string {
    return createHmac('sha256', this.#idKey).update(`mailbox\0${identity}`).digest('hex').slice(0, 32);
  }

  /** HKDF-SHA-256 of the generation's key; kept, because a salt serves many frames. */
  derive(purpose: KeyPurpose, generation: number, salt: Uint8Array): KeyObject {
    const label = `${purpose}.${generation}.${Buffer.from(salt).toString('latin1')}`;
    const known = this.#derived.get(label);
    if (known) return known;
    const master = this.bytes.encKeys.find((entry) => entry.generation === generation);
    if (!master) {
      throw new EngineRefusal(
        'unknown-key-generation',
        `The repository's keys have no generation ${generation}.`,
        'Open the repository with a key that was made after the key was renewed.',
      );
    }
    const derived = createSecretKey(Buffer.from(hkdfSync('sha256', master.key, salt, purpose, 32)));
    // Bounded: each session of each thread has its own salt, a reader meets thousands.
    if (this.#derived.size >= 1024) this.#derived.clear();
    this.#derived.set(label, derived);
    return derived;
  }
}

const TYPE_BYTES: Record<ObjectType, Uint8Array> = {
  1: Uint8Array.of(1),
  2: Uint8Array.of(2),
  3: Uint8Array.of(3),
  4: Uint8Array.of(4),
  5: Uint8Array.of(5),
  6: Uint8Array.of(6),
  7: Uint8Array.of(7),
};
