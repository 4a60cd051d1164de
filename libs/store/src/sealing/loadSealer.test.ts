import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadSealer } from './loadSealer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-key-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const context = 'settings:mail';
const newKey = () => randomBytes(32).toString('base64');

describe('a key file', () => {
  test('is made when wanted, for its owner alone, and used again at the next start', async () => {
    const keyFile = join(folder, 'new', 'secret.key');
    const first = await loadSealer({ keyFile, createIfMissing: true });
    const { mode } = await stat(keyFile);
    expect(mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'new'))).mode & 0o777).toBe(0o700);
    const sealed = first.seal('password', context);
    const again = await loadSealer({ keyFile, createIfMissing: true });
    expect(again.open(sealed, context)).toBe('password');
    expect(await readdir(join(folder, 'new'))).toEqual(['secret.key']);
  });

  test('is one for services that start at the same time', async () => {
    const keyFile = join(folder, 'secret.key');
    const sealers = await Promise.all(
      Array.from({ length: 20 }, () => loadSealer({ keyFile, createIfMissing: true })),
    );
    const sealed = sealers.map((sealer) => sealer.seal('password', context));
    for (const sealer of sealers) {
      for (const text of sealed) expect(sealer.open(text, context)).toBe('password');
    }
    expect(await readdir(folder)).toEqual(['secret.key']);
  });

  test('that is missing stops the start and says what to do', async () => {
    const loading = loadSealer({ keyFile: join(folder, 'secret.key') });
    await expect(loading).rejects.toMatchObject({ code: 'seal-key-missing', errorClass: 'configuration' });
    await expect(loadSealer({})).rejects.toMatchObject({
      remedy: expect.stringContaining('HOLDFAST_SECRET_KEY_FILE'),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('holds the current key above the old ones, with comments', async () => {
    const keyFile = join(folder, 'secret.key');
    const [oldKey, currentKey] = [newKey(), newKey()];
    await writeFile(keyFile, `${oldKey}\n`);
    const sealed = (await loadSealer({ keyFile })).seal('password', context);
    await writeFile(keyFile, `# rotated in July\n${currentKey}\n\n# until then\n${oldKey}\n`);
    const rotated = await loadSealer({ keyFile });
    expect(rotated.open(sealed, context)).toBe('password');
    const onlyCurrent = await loadSealer({ key: currentKey });
    expect(onlyCurrent.open(rotated.seal('password', context), context)).toBe('password');
    expect(() => onlyCurrent.open(sealed, context)).toThrow(/is sealed with the key [0-9a-f]{12}/);
  });

  test('with something else in it is refused by its line, which is not repeated', async () => {
    const keyFile = join(folder, 'secret.key');
    await writeFile(keyFile, `${newKey()}\nnot-a-key-but-secret\n`);
    const loading = loadSealer({ keyFile });
    await expect(loading).rejects.toMatchObject({ code: 'seal-key-invalid', errorClass: 'configuration' });
    await expect(loading).rejects.toThrow(/secret\.key: line 2 is no key$/);
    await writeFile(keyFile, '# nothing but a comment\n');
    await expect(loadSealer({ keyFile })).rejects.toMatchObject({ errorClass: 'configuration' });
  });

  test('that is a folder, or lies below a file, cannot be used', async () => {
    await expect(loadSealer({ keyFile: folder })).rejects.toThrow(/EISDIR/);
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(
      loadSealer({ keyFile: join(file, 'secret.key'), createIfMissing: true }),
    ).rejects.toMatchObject({
      code: 'seal-key-file',
      errorClass: 'configuration',
    });
    expect(await readFile(file, 'utf8')).toBe('');
  });
});

test('a key may come from the environment, in base64 or hex, and wins over the file', async () => {
  const bytes = randomBytes(32);
  const sealed = (await loadSealer({ key: bytes.toString('hex') })).seal('password', context);
  const other = await loadSealer({ key: bytes.toString('base64'), keyFile: '/does/not/exist' });
  expect(other.open(sealed, context)).toBe('password');
});
