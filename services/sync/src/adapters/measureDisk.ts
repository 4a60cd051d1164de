import { statfs } from 'node:fs/promises';
import type { Backend } from '@holdfast/contracts';

/**
 * Free and whole size in bytes of the disk that holds a repository; nothing for a backend without such a limit, and for
 * a folder that this machine does not see.
 */
export async function measureDisk(backend: Backend): Promise<{ freeBytes?: number; totalBytes?: number }> {
  if (backend.kind !== 'fs') return {};
  try {
    // `bavail` is what an ordinary user may still take; `bfree` counts what is reserved for root.
    const { bavail, blocks, bsize } = await statfs(backend.path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return {};
  }
}
