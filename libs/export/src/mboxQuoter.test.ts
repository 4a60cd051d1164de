import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromLine, quoteForMbox } from './mboxQuoter.ts';

async function quoted(pieces: readonly Uint8Array[]): Promise<Buffer> {
  async function* source() {
    yield* pieces;
  }
  return Buffer.concat(await Array.fromAsync(quoteForMbox(source())));
}

/** What the format says, on whole text. */
const byTheBook = (text: string): string => text.replaceAll(/^(>*From )/gm, '>$1');
const unquoted = (text: string): string => text.replaceAll(/^>(>*From )/gm, '$1');

describe('quoting for an mbox', () => {
  const hostile = fc
    .array(fc.constantFrom('From ', '>From ', '>>From ', 'F', 'Fro', '>', '\n', '\r\n', 'x', 'From', ' '), {
      maxLength: 40,
    })
    .map((parts) => parts.join(''));

  test('is what the format says, however the bytes are cut, and can be undone', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, fc.array(fc.nat(8), { minLength: 1, maxLength: 30 }), async (text, cuts) => {
        const bytes = Buffer.from(text, 'latin1');
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (let n = 0; at < bytes.length; n += 1) {
          const size = 1 + (cuts[n % cuts.length] ?? 0);
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        const result = (await quoted(pieces)).toString('latin1');
        expect(result).toBe(byTheBook(text));
        expect(unquoted(result)).toBe(text);
      }),
    );
  });

  test('passes any bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, n) => n % 256));
    expect((await quoted([bytes])).equals(bytes)).toBe(true);
  });
});

describe('the line before a message', () => {
  test.each([
    [
      '"Ann" <ann@example.com>',
      '2026-03-01T08:05:09.000Z',
      'From ann@example.com Sun Mar  1 08:05:09 2026\n',
    ],
    ['evil\nFrom x', 'not a time', 'From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n'],
  ])('of %j at %s is one line', (from, time, line) => {
    expect(fromLine(from, time)).toBe(line);
  });
});
