import { readFile } from 'node:fs/promises';
import { HoldfastError } from '@holdfast/contracts';
import { type Cloud, parseClouds } from '../clouds.ts';

/** The clouds of HOLDFAST_CLOUDS_FILE; none without a file. @throws HoldfastError (configuration) naming the setting */
export async function readClouds(file: string | undefined): Promise<Readonly<Record<string, Cloud>>> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const message = `HOLDFAST_CLOUDS_FILE: ${file} cannot be read`;
    throw new HoldfastError('unreadable-file', 'configuration', message, {
      remedy: 'Check that the file exists and that this user may read it.',
      cause,
    });
  }
  return parseClouds(text);
}
