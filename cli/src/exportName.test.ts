import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exportName } from './exportName.ts';
import { safeText } from './screen.ts';

const time = '2026-01-01T00:00:00.000Z';

describe('the name of an exported message', () => {
  test('stays in its folder and fits every file system, whatever the subject', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.string(), (subject, itemKey) => {
        const name = exportName({ time, subject, itemKey });
        expect(resolve('/folder', name)).toBe(`/folder/${name}`);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
        expect(name).not.toMatch(/[\p{Cc}\p{Cf}/\\:*?"<>|]/u);
        expect(name).toMatch(/ [0-9a-f]{10}\.eml$/);
      }),
    );
  });

  test('differs for two messages of one subject', () => {
    const name = (itemKey: string) => exportName({ time, subject: 'Hi', itemKey });
    expect(name('a')).not.toBe(name('b'));
  });

  test.each([
    ['Quarterly report', '2026-01-01 Quarterly report '],
    ['../../etc/passwd', '2026-01-01 _.._etc_passwd '],
    ['  ', '2026-01-01 no subject '],
    ['con', '2026-01-01 _con '],
    ['Grüße 🚀', '2026-01-01 Grüße 🚀 '],
  ])('of %j begins with %j', (subject, start) => {
    expect(exportName({ time, subject, itemKey: 'k' }).startsWith(start)).toBe(true);
  });
});

describe('text on a terminal', () => {
  test('drives nothing and stays on its line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(safeText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});
