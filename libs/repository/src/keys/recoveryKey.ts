import { createHash } from 'node:crypto';
import { EngineRefusal } from '../errors.ts';

/** Without I, L, O and U: what is read aloud or copied by hand must not be mistaken. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const KEY_BYTES = 32;
const CHECK_BYTES = 3;

/**
 * 32 random bytes and a 3-byte check as 56 letters in groups of seven, to be printed and locked away:
 * `HF1-XXXXXXX-XXXXXXX-…`.
 */
export function formatRecoveryKey(key: Uint8Array): string {
  const letters = toLetters(Buffer.concat([key, checkOf(key)]));
  return `HF1-${letters.match(/.{1,7}/g)?.join('-') ?? ''}`;
}

/** Reads what a person typed: case, spaces and dashes do not matter. Throws `EngineRefusal` when it cannot be one. */
export function parseRecoveryKey(text: string): Buffer {
  const plain = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  const bytes = plain.startsWith('HF1') ? fromLetters(plain.slice(3)) : undefined;
  const key = bytes?.subarray(0, KEY_BYTES);
  if (
    !bytes ||
    !key ||
    bytes.length !== KEY_BYTES + CHECK_BYTES ||
    !checkOf(key).equals(bytes.subarray(KEY_BYTES))
  ) {
    throw new EngineRefusal(
      'malformed-recovery-key',
      'This is not a recovery key: a letter is wrong or missing.',
      'Type all letters of the printed key, beginning with HF1.',
    );
  }
  return key;
}

function checkOf(key: Uint8Array): Buffer {
  return createHash('sha256').update('holdfast recovery key').update(key).digest().subarray(0, CHECK_BYTES);
}

function toLetters(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
      value &= (1 << bits) - 1;
    }
  }
  return text;
}

function fromLetters(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) return undefined;
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
      value &= (1 << bits) - 1;
    }
  }
  return bits === 0 && bytes.length > 0 ? Buffer.from(bytes) : undefined;
}
