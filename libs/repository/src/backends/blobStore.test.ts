import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { blobStoreContract } from '../testing/blobStoreContract.ts';
import { faulty } from '../testing/faultyStore.ts';
import { recording } from '../testing/recordingStore.ts';
import { emptyFolder } from '../testing/smallRepository.ts';
import { appendOnly } from './appendOnly.ts';
import { FsBlobStore } from './fs.ts';
import { MemoryBlobStore } from './memory.ts';
import { counting } from './metrics.ts';
import { openBlobStore } from './openBlobStore.ts';
import { readOnly } from './readOnly.ts';
import { retrying } from './retry.ts';

const noPause = { pause: async () => undefined };

blobStoreContract('memory', async () => {
  const store = new MemoryBlobStore();
  return { store, again: async () => new MemoryBlobStore('again', store.blobs) };
});

blobStoreContract('fs', async () => {
  const { path, remove } = await emptyFolder();
  return { store: new FsBlobStore(path), dispose: remove, again: async () => new FsBlobStore(path) };
});

blobStoreContract('retry over fs', async () => {
  const { path, remove } = await emptyFolder();
  return { store: retrying(new FsBlobStore(path), noPause), dispose: remove };
});

blobStoreContract('retry over a store that loses every third call or its answer', async () => {
  const plan = ({ number }: { number: number }) =>
    number % 3 !== 1
      ? ('none' as const)
      : number % 2 === 0
        ? ('lost' as const)
        : ('applied-but-lost' as const);
  return { store: retrying(faulty(new MemoryBlobStore(), plan), noPause) };
});

blobStoreContract('append-only', async () => ({ store: appendOnly(new MemoryBlobStore()) }), {
  canRemove: false,
});
blobStoreContract('counting', async () => ({ store: counting(new MemoryBlobStore()) }));
blobStoreContract('recording', async () => ({ store: recording(new MemoryBlobStore()) }));
blobStoreContract('faulty without faults', async () => ({
  store: faulty(new MemoryBlobStore(), () => 'none'),
}));

describe('read-only', () => {
  test('reads and lists as the store below, and refuses to change it', async () => {
    const inner = new MemoryBlobStore();
    await inner.putIfAbsent('name', Buffer.from('bytes'));
    const store = readOnly(inner);
    expect(Buffer.from(await store.get('name')).toString()).toBe('bytes');
    expect(await store.stat('name')).toEqual({ name: 'name', size: 5 });
    await expect(store.putIfAbsent('other', Buffer.from('x'))).rejects.toMatchObject({
      code: 'store-read-only',
    });
    await expect(store.remove('name')).rejects.toMatchObject({ code: 'store-read-only' });
    expect([...inner.blobs.keys()]).toEqual(['name']);
  });
});

describe('retry', () => {
  test('gives up after the last try and tells the last error', async () => {
    let calls = 0;
    const inner = faulty(new MemoryBlobStore(), () => {
      calls++;
      return 'lost';
    });
    const store = retrying(inner, { ...noPause, tries: 4 });
    await expect(store.get('x')).rejects.toMatchObject({ code: 'store-transient' });
    expect(calls).toBe(4);
  });

  test('does not try permanent errors again', async () => {
    const inner = faulty(new MemoryBlobStore(), () => 'full');
    await expect(retrying(inner, noPause).putIfAbsent('x', Buffer.from('x'))).rejects.toMatchObject({
      code: 'store-full',
    });
    expect(inner.calls).toBe(1);
  });

  test('a put that arrived although its answer was lost is a success only when the bytes are ours', async () => {
    const inner = new MemoryBlobStore();
    const lossy = faulty(inner, ({ number }) => (number === 0 ? 'applied-but-lost' : 'none'));
    await retrying(lossy, noPause).putIfAbsent('mine', Buffer.from('ours'));
    expect(Buffer.from(await inner.get('mine')).toString()).toBe('ours');
    const late = faulty(inner, ({ number }) => (number === 0 ? 'lost' : 'none'));
    await expect(retrying(late, noPause).putIfAbsent('mine', Buffer.from('other'))).rejects.toMatchObject({
      code: 'blob-already-exists',
    });
  });

  test('a listing that breaks is complete and without repeats', async () => {
    const inner = new MemoryBlobStore();
    for (let at = 0; at < 10; at++) await inner.putIfAbsent(`n/${at}`, Buffer.from('x'));
    let broken = 0;
    const breaking = recording(inner);
    breaking.list = async function* (prefix) {
      let given = 0;
      for await (const found of inner.list(prefix)) {
        if (broken < 3 && given++ === 4) {
          broken++;
          const lost = faulty(inner, () => 'lost');
          await lost.get('x');
        }
        yield found;
      }
    };
    const names: string[] = [];
    for await (const { name } of retrying(breaking, noPause).list('n/')) names.push(name);
    expect(names).toEqual(Array.from({ length: 10 }, (_, at) => `n/${at}`));
  });
});

describe('metrics', () => {
  test('count calls, bytes and failures', async () => {
    const store = counting(new MemoryBlobStore());
    await store.putIfAbsent('a', [Buffer.from('12'), Buffer.from('345')]);
    await store.get('a', { offset: 1, length: 2 });
    await expect(store.get('b')).rejects.toThrow();
    expect(store.counters).toMatchObject({ puts: 1, gets: 2, failures: 1, bytesWritten: 5, bytesRead: 2 });
  });
});

describe('fs', () => {
  test('leaves no temporary file after any put, and stored files are read-only', async () => {
    const { path, remove } = await emptyFolder();
    const store = new FsBlobStore(path);
    await store.putIfAbsent('a/b', Buffer.from('x'));
    await expect(store.putIfAbsent('a/b', Buffer.from('y'))).rejects.toThrow();
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
    await store.close();
    await remove();
  });

  test('I19: sweeps what killed processes left, but not what is still being written', async () => {
    const { path, remove } = await emptyFolder();
    const store = new FsBlobStore(path);
    await store.putIfAbsent('a', Buffer.from('x'));
    await writeFile(join(path, '.tmp', 'old'), 'x');
    await writeFile(join(path, '.tmp', 'fresh'), 'x');
    const yesterday = new Date(Date.now() - 26 * 3600 * 1000);
    await utimes(join(path, '.tmp', 'old'), yesterday, yesterday);
    expect(await store.sweepTemporary(24 * 3600 * 1000)).toBe(1);
    expect(await readdir(join(path, '.tmp'))).toEqual(['fresh']);
    await store.close();
    await remove();
  });

  test('a file where the folder should be is a configuration error with a remedy', async () => {
    const { path, remove } = await emptyFolder();
    await writeFile(join(path, 'file'), 'x');
    for (const wrong of [join(path, 'file'), join(path, 'file', 'below')]) {
      await expect(openBlobStore({ kind: 'fs', path: wrong })).rejects.toMatchObject({
        code: 'store-not-a-folder',
        errorClass: 'configuration',
        remedy: expect.stringContaining('folder'),
      });
    }
    await remove();
  });

  test('a folder that may not be read is a configuration error with a remedy', async () => {
    if (process.getuid?.() === 0) {
      process.stdout.write('skipped: root may read every folder, so permission cannot be denied here\n');
      return;
    }
    const { path, remove } = await emptyFolder();
    await mkdir(join(path, 'closed'));
    await chmod(join(path, 'closed'), 0o000);
    await expect(openBlobStore({ kind: 'fs', path: join(path, 'closed') })).rejects.toMatchObject({
      code: 'store-forbidden',
      remedy: expect.stringContaining('permission'),
    });
    await chmod(join(path, 'closed'), 0o700);
    await remove();
  });

  test('stores in memory are shared by name', async () => {
    const one = await openBlobStore({ kind: 'memory', name: 'shared-by-name' });
    await one.putIfAbsent('x', Buffer.from('1'));
    const two = await openBlobStore({ kind: 'memory', name: 'shared-by-name' });
    expect(Buffer.from(await two.get('x')).toString()).toBe('1');
    const other = await openBlobStore({ kind: 'memory', name: 'another' });
    await expect(other.get('x')).rejects.toMatchObject({ code: 'blob-not-found' });
  });
});
