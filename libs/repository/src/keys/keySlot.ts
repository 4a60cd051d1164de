import { createCipheriv, createDecipheriv } from 'node:crypto';
import { z } from 'zod';
import { Damaged } from '../errors.ts';
import { canonicalJson } from '../format/canonicalJson.ts';
import type { RandomBytes } from '../ports.ts';
import { deriveWrappingKey, type Kdf, kdfSchema } from './kdf.ts';
import type { MasterKeyBytes } from './masterKeys.ts';

const base64 = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/)
  .max(4096);

const slotSchema = z.strictObject({
  version: z.literal(1),
  slotId: z.string().regex(/^[0-9a-f]{16}$/),
  kind: z.enum(['passphrase', 'recovery']),
  createdAt: z.string().max(40),
  kdf: kdfSchema,
  salt: base64,
  nonce: base64,
  wrapped: base64,
});
export type KeySlot = z.infer<typeof slotSchema>;

const masterSchema = z.strictObject({
  idKey: base64,
  encKeys: z
    .array(z.strictObject({ generation: z.int().min(0).max(255), key: base64 }))
    .min(1)
    .max(256),
});

export interface SlotInput {
  repositoryId: string;
  kind: KeySlot['kind'];
  kdf: Kdf;
  secret: Uint8Array;
  createdAt: string;
}

/** Wraps the master keys for one secret. The repository's id and the slot's facts are bound to the ciphertext. */
export async function wrapMasterKeys(
  keys: MasterKeyBytes,
  input: SlotInput,
  random: RandomBytes,
): Promise<KeySlot> {
  const salt = random(16);
  const nonce = random(12);
  const facts = {
    version: 1 as const,
    slotId: Buffer.from(random(8)).toString('hex'),
    kind: input.kind,
    createdAt: input.createdAt,
    kdf: input.kdf,
    salt: Buffer.from(salt).toString('base64'),
    nonce: Buffer.from(nonce).toString('base64'),
  };
  const plain = canonicalJson({
    idKey: Buffer.from(keys.idKey).toString('base64'),
    encKeys: keys.encKeys.map(({ generation, key }) => ({
      generation,
      key: Buffer.from(key).toString('base64'),
    })),
  });
  const cipher = createCipheriv('aes-256-gcm', await deriveWrappingKey(input.kdf, input.secret, salt), nonce);
  cipher.setAAD(slotContext(input.repositoryId, facts));
  const wrapped = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { ...facts, wrapped: wrapped.toString('base64') };
}

/** The master keys, or undefined when the secret does not open this slot. */
export async function unwrapMasterKeys(
  slot: KeySlot,
  repositoryId: string,
  secret: Uint8Array,
): Promise<MasterKeyBytes | undefined> {
  const { wrapped, ...facts } = slot;
  const bytes = Buffer.from(wrapped, 'base64');
  if (bytes.length < 16) return undefined;
  const key = await deriveWrappingKey(slot.kdf, secret, Buffer.from(slot.salt, 'base64'));
  let plain: string;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(slot.nonce, 'base64'));
    decipher.setAAD(slotContext(repositoryId, facts));
    decipher.setAuthTag(bytes.subarray(-16));
    plain = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
  } catch {
    // Authentication failed: a wrong secret and a tampered slot look the same, as they should.
    return undefined;
  }
  const master = masterSchema.parse(JSON.parse(plain));
  return {
    idKey: Buffer.from(master.idKey, 'base64'),
    encKeys: master.encKeys.map(({ generation, key: text }) => ({
      generation,
      key: Buffer.from(text, 'base64'),
    })),
  };
}

/** Throws `Damaged` for anything that is not a slot of this version. */
export function parseKeySlot(bytes: Uint8Array, name: string): KeySlot {
  try {
    return slotSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new Damaged('damaged-key-slot', `The key slot ${name} cannot be read.`, {
      cause,
      details: { name },
    });
  }
}

function slotContext(repositoryId: string, facts: object): Buffer {
  return Buffer.from(canonicalJson({ repositoryId, ...facts }), 'utf8');
}
