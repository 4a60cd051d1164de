import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { folderPaths, itemFileName } from './safeNames.ts';

const time = '2026-01-01T00:00:00.000Z';

describe('the name of an exported item', () => {
  test('stays in its folder and fits every file system, whatever the subject', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.string(), (subject, itemKey) => {
        const name = `${itemFileName({ time, subject, itemKey })}.eml`;
        expect(resolve('/folder', name)).toBe(`/folder/${name}`);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
        expect(name).not.toMatch(/[\p{Cc}\p{Cf}/\\:*?"<>|]/u);
        expect(name).toMatch(/ [0-9a-f]{10}\.eml$/);
      }),
    );
  });

  test('differs for two items of one subject', () => {
    const name = (itemKey: string) => itemFileName({ time, subject: 'Hi', itemKey });
    expect(name('a')).not.toBe(name('b'));
  });

  test.each([
    ['Quarterly report', '2026-01-01 Quarterly report '],
    ['../../etc/passwd', '2026-01-01 _.._etc_passwd '],
    ['a\r\nBcc: all@example.com', '2026-01-01 a_Bcc_ all@example.com '],
    ['  ', '2026-01-01 no subject '],
    ['con', '2026-01-01 _con '],
    ['Grüße 🚀', '2026-01-01 Grüße 🚀 '],
  ])('of %j begins with %j', (subject, start) => {
    expect(itemFileName({ time, subject, itemKey: 'k' }).startsWith(start)).toBe(true);
  });
});

describe('paths of folders', () => {
  const folder = (id: string, name: string, parentId: string | null = null) => ({ id, name, parentId });

  test('nest as the folders do', () => {
    const paths = folderPaths([folder('1', 'Inbox'), folder('2', 'Projects', '1'), folder('3', 'A/B', '2')]);
    expect(paths.get('3')).toEqual(['Inbox', 'Projects', 'A_B']);
  });

  test('of names that a file system takes for one are told apart', () => {
    const paths = folderPaths([
      folder('1', 'a/b'),
      folder('2', 'a_b'),
      folder('3', 'A_B'),
      folder('4', 'Ａ_b'),
    ]);
    const names = [...paths.values()].map(([name]) => name?.toLowerCase());
    expect(new Set(names).size).toBe(4);
  });

  test('of folders that name each other as parents, and of very deep ones, stay short', () => {
    const circle = folderPaths([folder('1', 'x', '2'), folder('2', 'y', '1')]);
    expect(circle.size).toBe(2);
    const deep = Array.from({ length: 300 }, (_, n) => folder(`${n}`, 'deep', n === 0 ? null : `${n - 1}`));
    const paths = [...folderPaths(deep).values()];
    expect(paths).toHaveLength(300);
    expect(Math.max(...paths.map((path) => path.length))).toBeLessThanOrEqual(24);
    expect(new Set(paths.map((path) => path.join('/'))).size).toBe(300);
  });

  test('never leave the folder, whatever the names', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 12 }), (names) => {
        const folders = names.map((name, n) => folder(`${n}`, name, n === 0 ? null : `${n >> 1}`));
        for (const path of folderPaths(folders).values()) {
          expect(resolve('/x', ...path)).toBe(`/x/${path.join('/')}`);
        }
      }),
    );
  });
});
