import { z } from 'zod';
import { Damaged, EngineRefusal } from './errors.ts';
import { canonicalJson } from './format/canonicalJson.ts';
import { kdfSchema } from './keys/kdf.ts';

const MIB = 1024 * 1024;

/** Sizes in bytes. The cut sizes decide what deduplicates with what, so they never change in a repository. */
const sizesSchema = z.strictObject({
  dataPackBytes: z
    .int()
    .min(64 * 1024)
    .max(1024 * MIB),
  metadataPackBytes: z
    .int()
    .min(64 * 1024)
    .max(1024 * MIB),
  /** Attachments from this size on are parts of their own. */
  partBytes: z
    .int()
    .min(256)
    .max(16 * MIB),
  /** Longer contents are cut into pieces of this size. */
  segmentBytes: z
    .int()
    .min(4096)
    .max(32 * MIB),
});
export type RepositorySizes = z.infer<typeof sizesSchema>;

export const DEFAULT_SIZES: RepositorySizes = {
  dataPackBytes: 16 * MIB,
  metadataPackBytes: 8 * MIB,
  partBytes: 8 * 1024,
  segmentBytes: 8 * MIB,
};

/**
 * Measured on mail: levels 1, 2, 3 give ratios 3.35, 3.42, 3.45 at 300, 268, 219 MB/s of a core. Compressing is
 * the largest single cost of storing, and the last 3 % are not worth a third of it.
 */
export const DEFAULT_ZSTD_LEVEL = 1;

const featureList = z.array(z.string().regex(/^[a-z0-9-]{1,64}$/)).max(64);

const configSchema = z.strictObject({
  format: z.int().positive(),
  repositoryId: z.string().regex(/^[0-9a-f]{32}$/),
  createdAt: z.string().max(40),
  features: z.strictObject({ read: featureList, write: featureList, collect: featureList }),
  kdf: kdfSchema,
  sizes: sizesSchema,
  /** How hard new objects are compressed; every level reads the same. */
  zstdLevel: z.int().min(1).max(19),
});
export type RepositoryConfig = z.infer<typeof configSchema>;

export const FORMAT = 1;
/** What this code understands; an unknown name in a list forbids the operation the list is for. */
const KNOWN_FEATURES: ReadonlySet<string> = new Set();

export function configBytes(config: RepositoryConfig): Buffer {
  return Buffer.from(`${canonicalJson(config)}\n`, 'utf8');
}

/** Throws `Damaged` for bytes that are no config, `EngineRefusal` for a format that is too new to read. */
export function parseConfig(bytes: Uint8Array): RepositoryConfig {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new Damaged('damaged-config', "The repository's config is not readable.", { cause });
  }
  // Before the rest is judged: a newer format may have fields that this code calls wrong.
  const format = z.object({ format: z.int().positive() }).safeParse(value);
  if (format.success && format.data.format > FORMAT) throw tooNew(`format ${format.data.format}`);
  const config = configSchema.safeParse(value);
  if (!config.success) {
    throw new Damaged('damaged-config', "The repository's config is not one.", { cause: config.error });
  }
  const unknown = unknownFeatures(config.data.features.read);
  if (unknown.length > 0) throw tooNew(`feature ${unknown.join(', ')}`);
  return config.data;
}

/** Features that forbid writing with this code. */
export function featuresThatForbidWriting(config: RepositoryConfig): string[] {
  return unknownFeatures(config.features.write);
}

function unknownFeatures(names: readonly string[]): string[] {
  return names.filter((name) => !KNOWN_FEATURES.has(name));
}

function tooNew(what: string): EngineRefusal {
  return new EngineRefusal(
    'repository-too-new',
    `The repository was made by a newer Holdfast (${what}).`,
    'Update Holdfast on this machine.',
  );
}
