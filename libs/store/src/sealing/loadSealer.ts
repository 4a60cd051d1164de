import { HoldfastError } from '@holdfast/contracts';
import { createKeyFile, parseKeys, readKeyFile } from './keyFile.ts';
import { createSealer, type Sealer } from './sealer.ts';

export interface SealerSource {
  /** Path of a file with one key a line; the first seals, all open. */
  keyFile?: string | undefined;
  /** The same text itself, for platforms that hand secrets over in the environment; wins over the file. */
  key?: string | undefined;
  /** Makes the file with a new key when it is not there. */
  createIfMissing?: boolean | undefined;
}

/**
 * Loads the keys for sealing secrets.
 * @throws HoldfastError (configuration) when there is no key, or the file cannot be read or made
 */
export async function loadSealer(source: SealerSource): Promise<Sealer> {
  if (source.key !== undefined) return createSealer({ keys: parseKeys(source.key, 'the given key') });
  const { keyFile } = source;
  if (keyFile === undefined) {
    throw new HoldfastError('seal-key-missing', 'configuration', 'no key for sealing secrets is configured', {
      remedy: 'Set HOLDFAST_SECRET_KEY_FILE to the path of a key file.',
    });
  }
  let text = await readKeyFile(keyFile);
  if (text === undefined && source.createIfMissing) {
    await createKeyFile(keyFile);
    text = await readKeyFile(keyFile);
  }
  if (text === undefined) {
    throw new HoldfastError('seal-key-missing', 'configuration', `the key file ${keyFile} is not there`, {
      remedy:
        'Put it back from where you keep it: without it, stored secrets cannot be opened. For a first start, make one: openssl rand -base64 32',
    });
  }
  return createSealer({ keys: parseKeys(text, keyFile) });
}
