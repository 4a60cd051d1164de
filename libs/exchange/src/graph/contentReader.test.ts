import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@holdfast/contracts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { storedAttachmentsOf } from '../message/storedAttachments.ts';
import type { ItemUpsert } from '../ports.ts';
import {
  broken,
  inOrder,
  refusal,
  type Scripted,
  type SeenRequest,
  testLine,
} from '../testing/scriptedTransport.ts';
import { bufferPool } from './bufferPool.ts';
import { ContentReader, smallContentBytes } from './contentReader.ts';

let spoolDirectory: string;
beforeEach(async () => {
  spoolDirectory = await mkdtemp(join(tmpdir(), 'holdfast-content-'));
});
afterEach(() => rm(spoolDirectory, { recursive: true }));

const item = (properties: JsonObject = {}): ItemUpsert => ({
  kind: 'upsert',
  id: 'm/1=',
  changeKey: 'ck',
  time: 0,
  contentKey: 'k',
  state: {},
  summary: {},
  properties: { subject: 's', hasAttachments: false, ...properties },
});
const plain = 'Subject: s\r\n\r\nhello\r\n';
const attachmentBytes = Buffer.from('%PDF-1.4 attachment');
const withPdf = [
  'X-Mailer: Example',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'hello',
  '--b',
  'Content-Type: application/pdf; name="a.pdf"',
  'Content-Disposition: attachment; filename="a.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  attachmentBytes.toString('base64'),
  '--b--',
  '',
].join('\r\n');

function content(answer: (request: SeenRequest, number: number) => Scripted | Error, isDown = false) {
  const { line, seen, statistics } = testLine(answer);
  const reader = new ContentReader(line, '/users/u', {
    ...{ spoolDirectory, memory: bufferPool(1024 * 1024), isDown: () => isDown },
  });
  return { reader, seen, statistics };
}
const whole = async (data: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> => {
  if (data instanceof Uint8Array) return Buffer.from(data);
  const pieces: Uint8Array[] = [];
  for await (const piece of data) pieces.push(piece);
  return Buffer.concat(pieces);
};
const sized = (body: string): Scripted => ({
  headers: { 'content-length': String(Buffer.byteLength(body)) },
  body,
});

describe('the content of a message', () => {
  test('keeps its memory until it is released; then the next one has it', async () => {
    const { reader } = content(() => sized(plain));
    const [first, second] = [await reader.content(item()), await reader.content(item())];
    const memoryOf = (mime: unknown) => (mime as Uint8Array).buffer;
    expect(memoryOf(second.mime)).not.toBe(memoryOf(first.mime));
    expect((await whole(first.mime)).toString()).toBe(plain);
    first.release?.();
    expect(memoryOf((await reader.content(item())).mime)).toBe(memoryOf(first.mime));
    expect((await whole(second.mime)).toString()).toBe(plain);
  });

  test('without attachments is one request, byte for byte, uncompressed', async () => {
    const { reader, seen, statistics } = content(() => sized(plain));
    const { mime, extraParts, properties } = await reader.content(item());
    expect((await whole(mime)).toString()).toBe(plain);
    expect(extraParts).toEqual([]);
    expect(properties).toEqual(item().properties);
    expect(seen.map((r) => [r.url, r.headers['accept-encoding']])).toEqual([
      ['https://graph.test/v1.0/users/u/messages/m%2F1%3D/$value', 'identity'],
    ]);
    expect(statistics.bytesRead).toBe(plain.length);
  });

  test('a body cut short, in length or in the connection, is fetched again', async () => {
    const { reader, seen } = content(
      inOrder(
        { headers: { 'content-length': '999' }, body: plain },
        { headers: { 'content-length': String(plain.length) }, body: plain.slice(0, 9), breaksOff: true },
        broken('ECONNRESET'),
        sized(plain),
      ),
    );
    expect((await whole((await reader.content(item())).mime)).toString()).toBe(plain);
    expect(seen).toHaveLength(4);
  });

  test('above 4 MiB it goes through a file and comes as a stream; the file is gone at once', async () => {
    const half = Buffer.alloc(3 * 1024 * 1024, 'x');
    const body = [Buffer.from('Subject: s\r\n\r\n'), half, half];
    const length = body.reduce((sum, piece) => sum + piece.length, 0);
    const { reader } = content(() => ({ headers: { 'content-length': String(length) }, body }));
    const { mime } = await reader.content(item());
    expect(length).toBeGreaterThan(smallContentBytes);
    expect(mime).not.toBeInstanceOf(Uint8Array);
    expect(await readdir(spoolDirectory)).toEqual([]);
    expect((await whole(mime)).equals(Buffer.concat(body))).toBe(true);
    await reader.close();
  });

  test('without a length it is taken until its end, small ones in memory', async () => {
    const { reader } = content(() => ({ body: [Buffer.from('Subject: s\r\n\r\n'), Buffer.from('hello')] }));
    expect((await reader.content(item())).mime).toBeInstanceOf(Uint8Array);
  });

  test('a large one cut short never reaches the reader', async () => {
    const big = Buffer.alloc(5 * 1024 * 1024, 'x');
    const { reader, seen } = content((_, n) => ({
      headers: { 'content-length': String(big.length) },
      body: [n === 0 ? big.subarray(0, big.length - 7) : big],
    }));
    expect((await whole((await reader.content(item())).mime)).length).toBe(big.length);
    expect(seen).toHaveLength(2);
  });

  test("keeps the headers of the sender's program, which a restore can set", async () => {
    const { reader } = content(() => sized(`X-Mailer: Example\r\n${plain}`));
    expect((await reader.content(item())).properties.internetMessageHeaders).toEqual([
      { name: 'X-Mailer', value: 'Example' },
    ]);
  });
});

describe('attachments', () => {
  const listed = (row: JsonObject): JsonObject => ({
    '@odata.type': '#microsoft.graph.fileAttachment',
    id: 'a1',
    name: 'a.pdf',
    contentType: 'application/pdf',
    size: attachmentBytes.length,
    isInline: false,
    ...row,
  });
  const service =
    (
      rows: JsonObject[],
      more: (request: SeenRequest) => Scripted = () => refusal(404, 'ErrorItemNotFound'),
    ) =>
    (request: SeenRequest): Scripted => {
      if (request.url.endsWith('/messages/m%2F1%3D/$value')) return sized(withPdf);
      if (request.url.includes('/attachments?')) return { body: { value: rows } };
      return more(request);
    };

  test('that the MIME carries cost one request for all, without their contents', async () => {
    const { reader, seen } = content(service([listed({})]));
    const { properties, extraParts } = await reader.content(item({ hasAttachments: true }));
    expect(storedAttachmentsOf(properties)).toEqual([
      expect.objectContaining({ kind: 'file', name: 'a.pdf', bytes: { source: 'mime', partPath: '2' } }),
    ]);
    expect(extraParts).toEqual([]);
    expect(seen).toHaveLength(2);
    const list = seen.find((r) => r.url.includes('/attachments?'));
    expect(list?.url).toContain('$select=');
    expect(list?.url).not.toContain('contentBytes');
  });

  test('inline ones are looked for when the body refers to them, though hasAttachments is false', async () => {
    const body = { contentType: 'html', content: '<img src="cid:x">' };
    const { reader, seen } = content(service([listed({ isInline: true, contentId: '<x>' })]));
    const { properties } = await reader.content(item({ body }));
    expect(seen).toHaveLength(2);
    expect(storedAttachmentsOf(properties)[0]).toMatchObject({ isInline: true, contentId: 'x' });
  });

  test('inline ones that nothing announces are found by the headers of their MIME part', async () => {
    const { reader, seen } = content(service([listed({ isInline: true })]));
    const { properties } = await reader.content(item());
    expect(seen).toHaveLength(2);
    expect(storedAttachmentsOf(properties)).toMatchObject([{ name: 'a.pdf', isInline: true }]);
  });

  test('a message whose MIME has none costs no second request', async () => {
    const { reader, seen } = content(() => sized(plain));
    await reader.content(item());
    expect(seen).toHaveLength(1);
  });

  test('that the MIME does not carry are fetched and handed over by name', async () => {
    const { reader } = content(
      service([listed({ name: 'other.bin', contentType: 'x/y', size: 5 })], () => sized('bytes')),
    );
    const { properties, extraParts } = await reader.content(item({ hasAttachments: true }));
    expect(storedAttachmentsOf(properties)[0]?.bytes).toEqual({ source: 'extra', name: 'attachment-1' });
    expect(extraParts.map((part) => part.name)).toEqual(['attachment-1']);
    expect((await whole(extraParts[0]!.data)).toString()).toBe('bytes');
  });

  test('that Exchange cannot open are recorded with the reason, the message is kept', async () => {
    const { reader } = content(
      service([listed({ name: 'ole.bin', contentType: 'x/y' })], () =>
        refusal(500, 'ErrorCannotOpenFileAttachment'),
      ),
    );
    const { properties } = await reader.content(item({ hasAttachments: true }));
    expect(storedAttachmentsOf(properties)[0]?.bytes).toEqual({
      source: 'none',
      reason: expect.stringContaining('OLE conversion'),
    });
  });

  test('nested messages come with their properties, links as facts only', async () => {
    const rows = [
      listed({ id: 'i1', '@odata.type': '#microsoft.graph.itemAttachment', name: 'fwd', contentType: null }),
      listed({ id: 'r1', '@odata.type': '#microsoft.graph.referenceAttachment', name: 'link' }),
    ];
    const { reader } = content(
      service(rows, (request) =>
        request.url.includes('$expand')
          ? { body: { item: { '@odata.type': '#microsoft.graph.message', subject: 'inner' } } }
          : sized('Subject: inner\r\n\r\nhi'),
      ),
    );
    const { properties } = await reader.content(item({ hasAttachments: true }));
    const [nested, link] = storedAttachmentsOf(properties);
    expect(nested).toMatchObject({
      kind: 'item',
      itemProperties: { subject: 'inner' },
      bytes: { source: 'extra' },
    });
    expect(link).toMatchObject({ kind: 'reference', bytes: { source: 'none' } });
  });
});

test('a large content whose attachments fail leaves nothing open', async () => {
  const big = Buffer.alloc(5 * 1024 * 1024, 'x');
  const { reader } = content((request) =>
    request.url.includes('/attachments?')
      ? refusal(403, 'ErrorAccessDenied')
      : { headers: { 'content-length': String(big.length) }, body: big },
  );
  await expect(reader.content(item({ hasAttachments: true }))).rejects.toMatchObject({
    errorClass: 'forbidden',
  });
  expect(reader.openSpools).toBe(0);
});

describe('what is wrong with one item stays with the item', () => {
  test.each([
    [404, 'ErrorItemNotFound', 'vanished', 'item-vanished'],
    [500, 'ErrorCorruptData', 'permanent-item', 'item-corrupt'],
    [400, 'ErrorInvalidRecipients', 'permanent-item', 'item-invalid'],
    [403, 'malwareDetected', 'permanent-item', 'item-malware'],
    [400, 'SomethingNew', 'permanent-item', 'item-unreadable'],
    [500, 'ErrorInternalServerError', 'permanent-item', 'item-unreadable'],
    [403, 'ErrorAccessDenied', 'forbidden', 'access-denied'],
    [503, 'ServiceUnavailable', 'transient', 'service-unavailable'],
    [404, 'MailboxNotEnabledForRESTAPI', 'permanent-mailbox', 'no-cloud-mailbox'],
  ])('%d %s is %s', async (status, serviceCode, errorClass, code) => {
    const { reader } = content(() => refusal(status, serviceCode));
    await expect(reader.content(item())).rejects.toMatchObject({
      errorClass,
      code,
      details: { requestId: 'rid-1' },
    });
  });

  test('while the service is down a failing item is not blamed', async () => {
    const { reader } = content(() => refusal(500, 'ErrorInternalServerError'), true);
    await expect(reader.content(item())).rejects.toMatchObject({ errorClass: 'transient' });
  });
});
