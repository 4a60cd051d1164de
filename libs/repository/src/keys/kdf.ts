import { argon2, hkdfSync, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { EngineRefusal } from '../errors.ts';

/**
 * How a secret becomes a key. The limits bound what a tampered slot can make a reader spend (1 GiB, 32 passes).
 */
export const kdfSchema = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('argon2id'),
    memoryKiB: z.int().min(8).max(1_048_576),
    passes: z.int().min(1).max(32),
    parallelism: z.int().min(1).max(16),
  }),
  z.strictObject({
    name: z.literal('scrypt'),
    n: z.int().min(2).max(1_048_576),
    r: z.int().min(1).max(32),
    p: z.int().min(1).max(16),
  }),
  z.strictObject({ name: z.literal('hkdf-sha256') }),
]);
export type Kdf = z.infer<typeof kdfSchema>;

/**
 * RFC 9106's recommendation where memory counts: 64 MiB, 3 passes, 4 lanes; about 0.2 s of one core. Four times
 * the memory would be two thirds of what a worker may use, in each process that opens the repository.
 */
export const ARGON2ID: Kdf = { name: 'argon2id', memoryKiB: 65_536, passes: 3, parallelism: 4 };
/** For runtimes without Argon2: about 0.3 s of one core and 128 MiB. */
export const SCRYPT: Kdf = { name: 'scrypt', n: 131_072, r: 8, p: 1 };
/** For secrets that are 256 random bits already. */
export const HKDF: Kdf = { name: 'hkdf-sha256' };

/** Argon2id where the runtime has it, else scrypt. */
export function defaultPassphraseKdf(): Kdf {
  return typeof argon2 === 'function' ? ARGON2ID : SCRYPT;
}

const scryptAsync = promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt);

/** 32 bytes, derived off the event loop. Throws `EngineRefusal` when this runtime lacks the function. */
export async function deriveWrappingKey(kdf: Kdf, secret: Uint8Array, salt: Uint8Array): Promise<Buffer> {
  switch (kdf.name) {
    case 'argon2id':
      if (typeof argon2 !== 'function') {
        throw new EngineRefusal('no-argon2', 'This Node.js has no Argon2.', 'Use Node.js 24.7 or newer.');
      }
      return promisify(argon2)('argon2id', {
        message: secret,
        nonce: salt,
        memory: kdf.memoryKiB,
        passes: kdf.passes,
        parallelism: kdf.parallelism,
        tagLength: 32,
      });
    case 'scrypt':
      return scryptAsync(secret, salt, 32, { N: kdf.n, r: kdf.r, p: kdf.p, maxmem: 2 ** 31 });
    case 'hkdf-sha256':
      return Buffer.from(hkdfSync('sha256', secret, salt, 'recovery', 32));
  }
}
