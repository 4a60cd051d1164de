import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasAttachmentHeader } from './attachmentHeader.ts';

const says = (...lines: string[]) => hasAttachmentHeader(Buffer.from(lines.join('\r\n')));

describe('the header of an attachment', () => {
  test('is found in the message and in its parts, in any case of letters', () => {
    expect(says('Subject: s', 'content-DISPOSITION : attachment', '', 'x')).toBe(true);
    expect(
      says('Subject: s', '', '--b', 'Content-Type: image/png', 'cOntent-id: <a>', '', 'x', '--b--'),
    ).toBe(true);
    expect(hasAttachmentHeader(Buffer.from('A: b\n\n--b\nContent-ID: <a>\n\nx'))).toBe(true);
  });

  test('is not found in a text that only speaks of it', () => {
    expect(says('Subject: s', '', 'Content-Disposition: attachment', '')).toBe(false);
    expect(says('Subject: s', '', '--b', 'Content-Type: text/plain', '', 'Content-ID: <a>', '--b--')).toBe(
      false,
    );
    expect(hasAttachmentHeader(new Uint8Array())).toBe(false);
  });

  test('is assumed behind more lines than are read', () => {
    expect(
      says('Subject: s', ...Array.from({ length: 2000 }, (_, n) => `X-${n}: ${'y'.repeat(60)}`), '', 'x'),
    ).toBe(true);
  });

  test('is found wherever a part carries it', () => {
    const line = fc.constantFrom('Content-Type: text/plain', 'X-A: b', '\tfolded', 'From: a');
    const part = fc.record({
      before: fc.array(line),
      after: fc.array(line),
      eol: fc.constantFrom('\r\n', '\n'),
    });
    fc.assert(
      fc.property(part, fc.array(fc.string()), ({ before, after, eol }, text) => {
        const lines = [
          'Subject: s',
          '',
          ...text,
          '--b',
          ...before,
          'Content-Id: <x>',
          ...after,
          '',
          'x',
          '--b--',
        ];
        expect(hasAttachmentHeader(Buffer.from(lines.join(eol)))).toBe(true);
      }),
    );
  });
});
