import { EngineRefusal, hasCode } from './errors.ts';
import { PROBE_PREFIX } from './format/names.ts';
import type { BlobStore, RandomBytes } from './ports.ts';

/**
 * Tries what the commit protocol relies on, on the real place, before anything of value is stored there:
 * put if absent, read after write, ranges, list after write. Leaves nothing where removing is possible.
 */
export async function probeStore(store: BlobStore, random: RandomBytes): Promise<void> {
  const name = `${PROBE_PREFIX}${Buffer.from(random(8)).toString('hex')}`;
  const bytes = Buffer.from(random(4096));
  await store.putIfAbsent(name, bytes);
  const taken = await refusesSecondPut(store, name);
  if (!taken) throw broken('a second write replaced the first instead of being refused');
  if (!bytes.equals(await store.get(name))) throw broken('what was written is not what is read');
  const middle = await store.get(name, { offset: 1000, length: 500 });
  if (!bytes.subarray(1000, 1500).equals(middle)) throw broken('reading a part of a file gives other bytes');
  if ((await store.stat(name)).size !== bytes.length) throw broken('the reported size is wrong');
  let listed = false;
  for await (const found of store.list(PROBE_PREFIX)) listed ||= found.name === name;
  if (!listed) throw broken('a file that was just written is not listed');
  if (store.capabilities().remove) await store.remove(name);
}

async function refusesSecondPut(store: BlobStore, name: string): Promise<boolean> {
  try {
    await store.putIfAbsent(name, Buffer.from('second'));
    return false;
  } catch (error) {
    if (hasCode(error, 'blob-already-exists')) return true;
    throw error;
  }
}

function broken(what: string): EngineRefusal {
  return new EngineRefusal(
    'unfit-storage',
    `This storage cannot hold a repository: ${what}.`,
    'Use a local disk, a network file system with hard links, or an object storage with conditional writes.',
  );
}
