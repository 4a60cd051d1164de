import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts';

/** 32 bytes with the id that stands in everything it seals. */
export interface SealKey {
  id: string;
  key: Buffer;
}

export interface Sealer {
  /** Encrypts with the first key. @param context what the secret belongs to; opening needs the same text */
  seal(plain: string, context: string): string;
  /** @throws SealKeyUnknown when its key is not among the given ones; SealBroken when text, key or context is not the one */
  open(sealed: string, context: string): string;
}

/** The secret was sealed with a key that was not given. */
export class SealKeyUnknown extends HoldfastError {
  readonly keyId: string;

  constructor(keyId: string, known: readonly string[]) {
    const message = `a secret is sealed with the key ${keyId}; the keys given are ${known.join(', ')}`;
    super('seal-key-unknown', 'configuration', message, {
      remedy: 'Put the key that was in use then back into HOLDFAST_SECRET_KEY_FILE, below the current one.',
      details: { keyId },
    });
    this.keyId = keyId;
  }
}

/** The sealed text was changed, belongs to something else, or its key is another one under the same id. */
export class SealBroken extends HoldfastError {
  constructor(context: string, what: string, cause?: unknown) {
    super('seal-broken', 'configuration', `the sealed secret of ${context} ${what}`, {
      remedy:
        'Enter the secret anew; if this comes often, check HOLDFAST_SECRET_KEY_FILE and who writes the store.',
      details: { context },
      cause,
    });
  }
}

const prefix = 'sealed';
const formatVersion = 'v1';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const keyIdPattern = /^[A-Za-z0-9_-]{1,32}$/;

function checkKeys(keys: readonly SealKey[]): void {
  const wrong = (what: string) =>
    new HoldfastError('seal-key-invalid', 'configuration', what, {
      remedy: 'Check the lines of HOLDFAST_SECRET_KEY_FILE: 32 bytes in base64 each.',
    });
  if (keys.length === 0) throw wrong('no key was given for sealing secrets');
  for (const { id, key } of keys) {
    if (!keyIdPattern.test(id)) throw wrong('the id of a key must be 1 to 32 letters, digits, _ or -');
    if (key.length !== keyBytes) throw wrong(`the key ${id} has ${key.length} bytes instead of ${keyBytes}`);
  }
  if (new Set(keys.map((k) => k.id)).size < keys.length) throw wrong('two keys have the same id');
}

/** Everything that must be as it was: a sealed text moved to another owner or key id does not open. */
const boundTo = (keyId: string, context: string) =>
  Buffer.from(JSON.stringify(['holdfast', formatVersion, keyId, context]));

/**
 * Seals secrets before they reach the store: AES-256-GCM, a random nonce each (96 bits: safe for 2^32 secrets a key,
 * NIST SP 800-38D 8.3), text form `sealed:v1:<key id>:<base64url of nonce, ciphertext, tag>`.
 *
 * @param options.keys the first seals; all open (rotation: put the new one first, keep the old ones below)
 * @throws HoldfastError (configuration) when a key is none
 */
export function createSealer(options: { keys: readonly SealKey[] }): Sealer {
  const { keys } = options;
  checkKeys(keys);
  return {
    seal(plain, context) {
      const { id, key } = keys[0] as SealKey;
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(id, context));
      const bytes = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return [prefix, formatVersion, id, bytes.toString('base64url')].join(':');
    },
    open(sealed, context) {
      const [start, version, id = '', text = '', ...rest] = sealed.split(':');
      const bytes = Buffer.from(text, 'base64url');
      const wellFormed = start === prefix && version === formatVersion && rest.length === 0;
      // Decoding skips what is no base64url; only the exact text of the bytes counts.
      const exact = bytes.toString('base64url') === text && bytes.length >= nonceBytes + tagBytes;
      if (!wellFormed || !exact) throw new SealBroken(context, 'has not the form of a sealed secret');
      const key = keys.find((one) => one.id === id);
      if (key === undefined)
        throw new SealKeyUnknown(
          id,
          keys.map((one) => one.id),
        );
      return decrypt(key, bytes, context);
    },
  };
}

function decrypt({ id, key }: SealKey, bytes: Buffer, context: string): string {
  const nonce = bytes.subarray(0, nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(boundTo(id, context)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    const plain = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    return plain.toString('utf8');
  } catch (error) {
    throw new SealBroken(context, 'was changed, or belongs to something else or to another key', error);
  }
}
