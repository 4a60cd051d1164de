import { BlobNotFound, StorePermanent, StoreTransient } from '../errors.ts';

const PERMANENT: Record<string, [code: string, cause: string, remedy: string]> = {
  ENOSPC: [
    'store-full',
    'the disk is full',
    'Free space on the disk or move the repository to a larger one; the next run goes on from what is stored.',
  ],
  EDQUOT: [
    'store-full',
    'the disk quota is used up',
    'Raise the quota or free space; the next run goes on from what is stored.',
  ],
  EACCES: [
    'store-forbidden',
    'permission was denied',
    'Give the account that runs Holdfast read and write permission on the folder and everything in it.',
  ],
  EPERM: [
    'store-forbidden',
    'the operation is not permitted',
    'Give the account that runs Holdfast read and write permission on the folder and everything in it.',
  ],
  EROFS: ['store-read-only', 'the file system is read-only', 'Mount the file system for writing.'],
  ENOTDIR: ['store-not-a-folder', 'a part of the path is a file, not a folder', 'Give the path of a folder.'],
  ENAMETOOLONG: [
    'store-name-too-long',
    'the path is too long for this file system',
    'Choose a folder with a shorter path.',
  ],
  EISDIR: [
    'store-not-a-file',
    'a folder stands where a file should be',
    'Remove the foreign folder from the repository.',
  ],
  ELOOP: ['store-not-a-folder', 'the path has a circle of symbolic links', 'Give the path of a real folder.'],
};

/**
 * Says in our words what the file system said. ENOSPC and permissions are permanent, because waiting does not
 * make room; EIO, ESTALE and the rest may pass (network disks).
 */
export function fsError(error: unknown, action: string, name: string, root: string): Error {
  const code = errorCode(error);
  if (code === 'ENOENT') return new BlobNotFound(name, { cause: error });
  const known = PERMANENT[code];
  const details = { name, folder: root, errno: code };
  if (known) {
    const [ours, cause, remedy] = known;
    return new StorePermanent(
      ours,
      `Cannot ${action} ${name || 'the folder'} in ${root}: ${cause}.`,
      remedy,
      {
        details,
        cause: error,
      },
    );
  }
  return new StoreTransient(
    `Cannot ${action} ${name || 'the folder'} in ${root}: ${code || String(error)}.`,
    {
      details,
      cause: error,
    },
  );
}

/** The `code` of a Node system error, or an empty string. */
export function errorCode(error: unknown): string {
  // By shape: an error of another realm is no instance of this one's Error.
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
