import type { RepositoryConfig } from '../config.ts';
import { EngineRefusal } from '../errors.ts';
import { canonicalJson } from '../format/canonicalJson.ts';
import { KEYS_PREFIX } from '../format/names.ts';
import type { BlobStore, EngineClock, RandomBytes } from '../ports.ts';
import { parseKeySlot, wrapMasterKeys } from './keySlot.ts';
import type { MasterKeys } from './masterKeys.ts';

/** What one needs to know to get at the contents without this installation. */
export interface RecoveryFacts {
  repositoryId: string;
  format: number;
  createdAt: string;
  slots: { slotId: string; kind: 'passphrase' | 'recovery'; createdAt: string; kdf: string }[];
}

export async function recoveryFacts(store: BlobStore, config: RepositoryConfig): Promise<RecoveryFacts> {
  const slots: RecoveryFacts['slots'] = [];
  for await (const { name } of store.list(KEYS_PREFIX)) {
    const { createdAt, kdf, kind, slotId } = parseKeySlot(await store.get(name), name);
    slots.push({ slotId, kind, createdAt, kdf: kdf.name });
  }
  return { repositoryId: config.repositoryId, format: config.format, createdAt: config.createdAt, slots };
}

export interface SlotDeps {
  store: BlobStore;
  config: RepositoryConfig;
  keys: MasterKeys;
  clock: EngineClock;
  random: RandomBytes;
}

/**
 * Puts a slot for the new passphrase, then removes the old passphrase slots. The contents are not touched:
 * who has copied an old slot and knows the old passphrase still has the keys.
 */
export async function changePassphrase(
  deps: SlotDeps,
  newPassphrase: string,
): Promise<{ oldSlotsRemoved: boolean }> {
  const { clock, config, keys, random, store } = deps;
  if (newPassphrase.length < 8) {
    throw new EngineRefusal(
      'passphrase-too-short',
      'The passphrase has fewer than 8 characters.',
      'Choose a longer passphrase, such as four random words.',
    );
  }
  const old: string[] = [];
  for await (const { name } of store.list(KEYS_PREFIX)) {
    if (parseKeySlot(await store.get(name), name).kind === 'passphrase') old.push(name);
  }
  const secret = Buffer.from(newPassphrase.normalize('NFC'), 'utf8');
  const createdAt = new Date(clock.now()).toISOString();
  const { repositoryId, kdf } = config;
  const slot = await wrapMasterKeys(
    keys.bytes,
    { repositoryId, kind: 'passphrase', kdf, secret, createdAt },
    random,
  );
  await store.putIfAbsent(`${KEYS_PREFIX}${slot.slotId}`, Buffer.from(`${canonicalJson(slot)}\n`, 'utf8'));
  const oldSlotsRemoved = store.capabilities().remove;
  if (oldSlotsRemoved) for (const name of old) await store.remove(name);
  return { oldSlotsRemoved };
}
