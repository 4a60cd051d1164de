import { scanMime } from '@holdfast/mime';
import { describe, expect, test } from '@jest/globals';
import { type ListedAttachment, matchAttachments } from './matchAttachments.ts';

interface Part {
  type?: string;
  name?: string;
  cid?: string;
  encoding?: string;
  bytes?: number;
  body?: string;
}

function mime(...parts: Part[]) {
  const lines = parts.map(({ type = 'application/pdf', name, cid, encoding = 'base64', bytes = 30, body }) =>
    [
      `Content-Type: ${type}`,
      ...(name === undefined ? [] : [`Content-Disposition: attachment; filename="${name}"`]),
      ...(cid === undefined ? [] : [`Content-ID: <${cid}>`]),
      `Content-Transfer-Encoding: ${encoding}`,
      '',
      body ??
        (
          Buffer.alloc(bytes, 1)
            .toString('base64')
            .match(/.{1,76}/g) ?? []
        ).join('\r\n'),
    ].join('\r\n'),
  );
  return scanMime(
    Buffer.from(
      `Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n${lines
        .map((part) => `--b\r\n${part}\r\n`)
        .join('')}--b--\r\n`,
    ),
  );
}
const file = (id: string, more: Partial<ListedAttachment> = {}): ListedAttachment => ({
  id,
  kind: 'file',
  name: 'a.pdf',
  contentType: 'application/pdf',
  size: 30,
  isInline: false,
  ...more,
});
const match = (attachments: ListedAttachment[], root: ReturnType<typeof mime>) =>
  Object.fromEntries([...matchAttachments(attachments, root)].map(([id, part]) => [id, part.path]));

describe('attachments are found in the MIME', () => {
  test('by name and type; the text of the message is no attachment', () => {
    expect(
      match([file('1'), file('2', { name: 'b.pdf' })], mime({ name: 'b.pdf' }, { name: 'a.pdf' })),
    ).toEqual({
      1: '3',
      2: '2',
    });
  });

  test('by content id first, whatever their names', () => {
    const images = [
      file('1', { name: 'image.png', contentId: 'x' }),
      file('2', { name: 'image.png', contentId: 'y' }),
    ];
    const root = mime({ name: 'image.png', cid: 'y' }, { name: 'image.png', cid: 'x' });
    expect(match(images, root)).toEqual({ 1: '3', 2: '2' });
  });

  test('equal names in order, when their sizes agree', () => {
    const sizes = [file('1', { size: 30_000 }), file('2', { size: 90_000 })];
    const inOrder = mime({ name: 'a.pdf', bytes: 30_000 }, { name: 'a.pdf', bytes: 90_000 });
    const swapped = mime({ name: 'a.pdf', bytes: 90_000 }, { name: 'a.pdf', bytes: 30_000 });
    expect(match(sizes, inOrder)).toEqual({ 1: '2', 2: '3' });
    expect(match(sizes, swapped)).toEqual({});
  });

  test('not at all when there are more on one side: then each is fetched by itself', () => {
    expect(match([file('1'), file('2')], mime({ name: 'a.pdf' }))).toEqual({});
  });

  test('without a name by type, one to one, when the size agrees', () => {
    expect(match([file('1', { name: 'ATT00001.pdf' })], mime({ type: 'application/pdf' }))).toEqual({
      1: '2',
    });
    expect(
      match([file('1', { name: 'ATT00001.pdf', size: 99_999 })], mime({ type: 'application/pdf' })),
    ).toEqual({});
  });

  test('only in base64: text in other encodings may differ from what Graph serves', () => {
    const text = { type: 'text/plain', name: 'a.txt', encoding: '7bit', body: 'line one\r\nline two' };
    expect(match([file('1', { name: 'a.txt', contentType: 'text/plain', size: 18 })], mime(text))).toEqual(
      {},
    );
  });

  test('a single nested message is the one item; of several each is fetched by itself', () => {
    const nested = { type: 'message/rfc822', encoding: '7bit', body: 'Subject: inner\r\n\r\nhi' };
    const item = (id: string) => file(id, { kind: 'item', name: 'inner', contentType: '' });
    expect(match([item('1')], mime(nested))).toEqual({ 1: '2' });
    expect(match([item('1'), item('2')], mime(nested, nested))).toEqual({});
  });

  test('attachments of a nested message are not taken for ours', () => {
    const body =
      'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nAQEB';
    expect(match([file('1')], mime({ type: 'message/rfc822', encoding: '7bit', body }))).toEqual({});
  });

  test('a link has no part', () => {
    expect(match([file('1', { kind: 'reference' })], mime({ name: 'a.pdf' }))).toEqual({});
  });
});
