import { randomBytes } from 'node:crypto';
import { systemClock } from './backends/systemClock.ts';
import {
  configBytes,
  DEFAULT_SIZES,
  DEFAULT_ZSTD_LEVEL,
  FORMAT,
  type RepositoryConfig,
  type RepositorySizes,
} from './config.ts';
import { EngineRefusal, hasCode } from './errors.ts';
import { canonicalJson } from './format/canonicalJson.ts';
import { CONFIG_NAME, KEYS_PREFIX, PROBE_PREFIX } from './format/names.ts';
import { defaultPassphraseKdf, HKDF, type Kdf } from './keys/kdf.ts';
import { type KeySlot, wrapMasterKeys } from './keys/keySlot.ts';
import { formatRecoveryKey } from './keys/recoveryKey.ts';
import type { BlobStore, EngineClock, RandomBytes } from './ports.ts';
import { probeStore } from './probe.ts';

export interface CreateOptions {
  passphrase: string;
  random?: RandomBytes;
  clock?: EngineClock;
  /** Cost of guessing the passphrase; cheaper values are for tests. */
  kdf?: Kdf;
  sizes?: Partial<RepositorySizes>;
  /** 1 (fast) to 19 (small); default 1. */
  zstdLevel?: number;
}

export interface CreatedRepository {
  repositoryId: string;
  /** Opens the repository when the passphrase is lost. Shown once, stored nowhere. */
  recoveryKey: string;
}

/**
 * Makes a repository in an empty place, with two key slots: passphrase and recovery key. The config is put
 * last and if-absent: it is what makes the place a repository, and of two creators one wins.
 * Throws `EngineRefusal` (`repository-exists`, `place-not-empty`, `passphrase-too-short`, `unfit-storage`)
 * and the store's errors.
 */
export async function createRepository(store: BlobStore, options: CreateOptions): Promise<CreatedRepository> {
  const random = options.random ?? randomBytes;
  const clock = options.clock ?? systemClock;
  const kdf = options.kdf ?? defaultPassphraseKdf();
  if (options.passphrase.length < 8) {
    throw new EngineRefusal(
      'passphrase-too-short',
      'The passphrase has fewer than 8 characters.',
      'Choose a longer passphrase, such as four random words.',
    );
  }
  await refuseUsedPlace(store);
  await probeStore(store, random);
  const repositoryId = Buffer.from(random(16)).toString('hex');
  const createdAt = new Date(clock.now()).toISOString();
  const keys = { idKey: random(32), encKeys: [{ generation: 0, key: random(32) }] };
  const recovery = random(32);
  const secret = Buffer.from(options.passphrase.normalize('NFC'), 'utf8');
  const slots = [
    await wrapMasterKeys(keys, { repositoryId, kind: 'passphrase', kdf, secret, createdAt }, random),
    await wrapMasterKeys(
      keys,
      { repositoryId, kind: 'recovery', kdf: HKDF, secret: recovery, createdAt },
      random,
    ),
  ];
  for (const slot of slots) await store.putIfAbsent(slotName(slot), slotBytes(slot));
  const config: RepositoryConfig = {
    format: FORMAT,
    repositoryId,
    createdAt,
    features: { read: [], write: [], collect: [] },
    kdf,
    sizes: { ...DEFAULT_SIZES, ...options.sizes },
    zstdLevel: options.zstdLevel ?? DEFAULT_ZSTD_LEVEL,
  };
  try {
    await store.putIfAbsent(CONFIG_NAME, configBytes(config));
  } catch (error) {
    if (hasCode(error, 'blob-already-exists')) throw alreadyThere(store);
    throw error;
  }
  return { repositoryId, recoveryKey: formatRecoveryKey(recovery) };
}

export function slotName(slot: KeySlot): string {
  return `${KEYS_PREFIX}${slot.slotId}`;
}

export function slotBytes(slot: KeySlot): Buffer {
  return Buffer.from(`${canonicalJson(slot)}\n`, 'utf8');
}

/** What an interrupted creation leaves (keys without config, probes) does not make a place used. */
async function refuseUsedPlace(store: BlobStore): Promise<void> {
  for await (const { name } of store.list('')) {
    if (name === CONFIG_NAME) throw alreadyThere(store);
    if (name.startsWith(KEYS_PREFIX) || name.startsWith(PROBE_PREFIX)) continue;
    throw new EngineRefusal(
      'place-not-empty',
      `There are other files in the ${store.description}, such as ${name}.`,
      'Choose an empty place for the new repository.',
    );
  }
}

function alreadyThere(store: BlobStore): EngineRefusal {
  return new EngineRefusal(
    'repository-exists',
    `There is a repository in the ${store.description} already.`,
    'Add the existing repository with its passphrase, or choose an empty place for a new one.',
  );
}
