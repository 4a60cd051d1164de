import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { HoldfastError } from '@holdfast/contracts';

/**
 * The usual authorities and those of a PEM file; undefined without a file.
 * @throws HoldfastError (configuration) when the file cannot be read
 */
export async function readAuthorities(
  setting: string,
  path: string | undefined,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    // Node takes what it is given instead of its own list, so that goes along.
    return [...rootCertificates, await readFile(path, 'utf8')].join('\n');
  } catch (cause) {
    throw new HoldfastError('authorities-file', 'configuration', `the file ${path} cannot be read`, {
      remedy: `Set ${setting} to a readable PEM file, or leave it out.`,
      cause,
    });
  }
}
