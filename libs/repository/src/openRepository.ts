import { randomBytes } from 'node:crypto';
import { readOnly } from './backends/readOnly.ts';
import { systemClock } from './backends/systemClock.ts';
import { featuresThatForbidWriting, parseConfig, type RepositoryConfig } from './config.ts';
import { EngineRefusal, hasCode } from './errors.ts';
import { CONFIG_NAME, KEYS_PREFIX } from './format/names.ts';
import { type KeySlot, parseKeySlot, unwrapMasterKeys } from './keys/keySlot.ts';
import { type MasterKeyBytes, MasterKeys } from './keys/masterKeys.ts';
import { parseRecoveryKey } from './keys/recoveryKey.ts';
import type { BlobStore, EngineClock, EngineLogger, RandomBytes } from './ports.ts';
import { Repository } from './repository.ts';

export type RepositorySecret = { passphrase: string } | { recoveryKey: string };

export interface OpenOptions {
  secret: RepositorySecret;
  /** For the local copy of the index and scratch files; may be deleted whenever no process uses it. */
  cacheDir: string;
  /** Sealing threads; 0 seals in the calling thread. Default 2. */
  threads?: number;
  clock?: EngineClock;
  random?: RandomBytes;
  readOnly?: boolean;
  logger?: EngineLogger;
  /** Lease of a writer session; it stops by itself after two thirds without a sign of life. Default 15 minutes. */
  leaseMs?: number;
  /** How often a writer looks for condemned packs and fences. Default 60 s. */
  pollMs?: number;
  /** A busy session starts at most one flush in this time. Default 100 ms. */
  commitIntervalMs?: number;
}

const quiet: EngineLogger = { info: () => undefined, warn: () => undefined };

/**
 * Opens a repository with a passphrase or its recovery key. Throws `EngineRefusal` (`not-a-repository`,
 * `wrong-passphrase`, `repository-too-new`, `cache-unusable`), `Damaged` and the store's errors. Changes nothing.
 */
export async function openRepository(store: BlobStore, options: OpenOptions): Promise<Repository> {
  const config = await readConfig(store);
  const forbidden = featuresThatForbidWriting(config);
  if (forbidden.length > 0 && options.readOnly !== true) {
    throw new EngineRefusal(
      'repository-too-new',
      `The repository uses ${forbidden.join(', ')}, which this Holdfast cannot write.`,
      'Update Holdfast on this machine, or open the repository for reading only.',
    );
  }
  const slots = await readSlots(store);
  const keys = await unlock(slots, config.repositoryId, options.secret);
  return Repository.open({
    store: options.readOnly ? readOnly(store) : store,
    config,
    keys: new MasterKeys(keys),
    cacheDir: options.cacheDir,
    threads: options.threads ?? 2,
    clock: options.clock ?? systemClock,
    random: options.random ?? randomBytes,
    readOnly: options.readOnly ?? false,
    logger: options.logger ?? quiet,
    leaseMs: options.leaseMs ?? 15 * 60_000,
    pollMs: options.pollMs ?? 60_000,
    commitIntervalMs: options.commitIntervalMs ?? 100,
  });
}

export async function readConfig(store: BlobStore): Promise<RepositoryConfig> {
  try {
    return parseConfig(await store.get(CONFIG_NAME));
  } catch (error) {
    if (!hasCode(error, 'blob-not-found')) throw error;
    throw new EngineRefusal(
      'not-a-repository',
      `There is no repository in the ${store.description}.`,
      'Check the path, or create the repository first.',
      { cause: error },
    );
  }
}

export async function readSlots(store: BlobStore): Promise<KeySlot[]> {
  const slots: KeySlot[] = [];
  for await (const { name } of store.list(KEYS_PREFIX)) slots.push(parseKeySlot(await store.get(name), name));
  return slots;
}

/** Tries the slots that fit the kind of secret. */
export async function unlock(
  slots: readonly KeySlot[],
  repositoryId: string,
  secret: RepositorySecret,
): Promise<MasterKeyBytes> {
  const isPassphrase = 'passphrase' in secret;
  const bytes = isPassphrase
    ? Buffer.from(secret.passphrase.normalize('NFC'), 'utf8')
    : parseRecoveryKey(secret.recoveryKey);
  for (const slot of slots) {
    if (slot.kind !== (isPassphrase ? 'passphrase' : 'recovery')) continue;
    const keys = await unwrapMasterKeys(slot, repositoryId, bytes);
    if (keys) return keys;
  }
  throw isPassphrase
    ? new EngineRefusal(
        'wrong-passphrase',
        'The passphrase does not open the repository.',
        'Enter the passphrase that was set when the repository was created, or use the recovery key.',
      )
    : new EngineRefusal(
        'wrong-recovery-key',
        'The recovery key does not open the repository.',
        'Use the recovery key that was shown when this repository was created.',
      );
}
