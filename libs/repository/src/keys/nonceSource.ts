import type { KeyObject } from 'node:crypto';
import { EngineRefusal } from '../errors.ts';
import type { RandomBytes } from '../ports.ts';
import type { KeyPurpose, MasterKeys } from './masterKeys.ts';

/** Rotation limits: far below where AES-GCM with a counter would become doubtful. */
const FRAMES_PER_SALT = 2 ** 32;
const BYTES_PER_SALT = 2 ** 40;

/**
 * Hands out key, salt and nonce for sealing. Each source draws its own random 16-byte salt, hence its own key,
 * and counts nonces from 0: a nonce cannot repeat under a key, whatever threads, processes or restarts do.
 */
export class NonceSource {
  readonly generation: number;
  readonly #keys: MasterKeys;
  readonly #purpose: KeyPurpose;
  readonly #random: RandomBytes;
  #salt: Uint8Array;
  #key: KeyObject;
  #count = 0;
  #bytes = 0;

  constructor(keys: MasterKeys, purpose: KeyPurpose, random: RandomBytes) {
    this.#keys = keys;
    this.#purpose = purpose;
    this.#random = random;
    this.generation = keys.currentGeneration;
    this.#salt = this.#freshSalt();
    this.#key = keys.derive(purpose, this.generation, this.#salt);
  }

  /** The next nonce; `bytes` is how much will be sealed with it. */
  next(bytes: number): { key: KeyObject; salt: Uint8Array; nonce: Buffer } {
    if (this.#count >= FRAMES_PER_SALT || this.#bytes + bytes > BYTES_PER_SALT) {
      this.#salt = this.#freshSalt();
      this.#key = this.#keys.derive(this.#purpose, this.generation, this.#salt);
      this.#count = 0;
      this.#bytes = 0;
    }
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(this.#count, 6, 6);
    this.#count++;
    this.#bytes += bytes;
    return { key: this.#key, salt: this.#salt, nonce };
  }

  #freshSalt(): Uint8Array {
    const salt = this.#random(16);
    if (salt.length !== 16) {
      throw new EngineRefusal('weak-random', 'The source of random bytes gave too few.', '', {
        errorClass: 'ours',
      });
    }
    return salt;
  }
}
