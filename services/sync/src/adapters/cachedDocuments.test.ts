import { describe, expect, test } from '@jest/globals';
import { cachedDocuments } from './cachedDocuments.ts';

describe('cached documents', () => {
  test('are read once for a while, again afterwards, and a failed read is not kept', async () => {
    let reads = 0;
    let fail = false;
    let now = 0;
    const cache = cachedDocuments<{ id: string; n: number }>({
      collection: {
        get: async (id) => {
          reads++;
          if (fail) throw new Error('away');
          return { doc: { id, n: reads }, version: 1 };
        },
      },
      ...{ now: () => now, maxAgeMs: 10, limit: 2 },
    });
    expect(await Promise.all([cache.get('a'), cache.get('a')])).toEqual([
      { id: 'a', n: 1 },
      { id: 'a', n: 1 },
    ]);
    now = 10;
    expect(await cache.get('a')).toEqual({ id: 'a', n: 2 });
    fail = true;
    await expect(cache.get('b')).rejects.toThrow('away');
    fail = false;
    expect(await cache.get('b')).toEqual({ id: 'b', n: 4 });
    await cache.get('c');
    expect(await cache.get('a')).toEqual({ id: 'a', n: 6 });
  });
});
