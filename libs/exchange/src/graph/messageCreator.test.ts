import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { extendedPropertyOf, markerPropertyId } from '../message/restoreJson.ts';
import type { RestorableAttachment, RestorableItem } from '../ports.ts';
import { broken, refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { MessageCreator, mostRequestBytes } from './messageCreator.ts';
import { uploadChunkBytes } from './uploadSession.ts';

const file = (
  name: string,
  bytes: number,
  more: Partial<RestorableAttachment> = {},
): RestorableAttachment => ({
  kind: 'file',
  name,
  contentType: 'application/octet-stream',
  isInline: false,
  size: bytes,
  async *open() {
    for (let left = bytes; left > 0; left -= 65_536)
      yield await Promise.resolve(Buffer.alloc(Math.min(left, 65_536), 7));
  },
  ...more,
});
const item = (...attachments: RestorableAttachment[]): RestorableItem => ({
  properties: {
    subject: 'Plan',
    body: { contentType: 'text', content: 'hi' },
    sentDateTime: '2026-01-01T10:00:00Z',
    from: { emailAddress: { address: 'bo@example.com' } },
  },
  state: { isRead: true },
  attachments,
});

/** Kinds of requests in their order, and the service behind them. */
function creator(
  spoil: (kind: string, times: number, request: SeenRequest) => Scripted | Error | undefined = () =>
    undefined,
) {
  const kinds: string[] = [];
  const requests: { kind: string; request: SeenRequest }[] = [];
  let attachments = 0;
  const kindOf = ({ method, url }: SeenRequest): string => {
    if (url.startsWith('https://outlook.test')) return 'chunk';
    if (url.endsWith('/createUploadSession')) return 'session';
    if (url.includes('/attachments')) return method === 'GET' ? 'list attachments' : 'attachment';
    if (method === 'PATCH') return 'patch';
    return method === 'GET' ? 'find' : 'create';
  };
  const answers: Record<string, () => Scripted> = {
    create: () => ({ status: 201, body: { id: 'new', isRead: true } }),
    session: () => ({ status: 201, body: { uploadUrl: 'https://outlook.test/s?authtoken=secret' } }),
    attachment: () => {
      attachments++;
      return { status: 201, body: {} };
    },
    'list attachments': () => ({
      body: { value: Array.from({ length: attachments }, (_, n) => ({ id: String(n) })) },
    }),
    find: () => ({ body: { value: [] } }),
  };
  const { line, seen } = testLine((request) => {
    const kind = kindOf(request);
    const times = kinds.filter((k) => k === kind).length;
    kinds.push(kind);
    requests.push({ kind, request });
    return spoil(kind, times, request) ?? answers[kind]?.() ?? { body: '' };
  });
  return { creator: new MessageCreator(line, '/users/u'), kinds, requests, seen };
}
const sentJson = (requests: { kind: string; request: SeenRequest }[], kind: string): JsonObject =>
  JSON.parse(requests.find((r) => r.kind === kind)?.request.body ?? '{}') as JsonObject;
const markers = (requests: { kind: string; request: SeenRequest }[]) =>
  requests
    .filter((r) => r.kind === 'create' || r.kind === 'patch')
    .map((r) => extendedPropertyOf(JSON.parse(r.request.body || '{}') as JsonObject, markerPropertyId));

describe('creating a message', () => {
  test('with small attachments is one request, marked as finished', async () => {
    const { creator: c, kinds, requests } = creator();
    const created = await c.create(
      'f',
      item(file('a', 1_000), file('b', 2_000, { isInline: true, contentId: 'x' })),
      's1/k1',
    );
    expect(kinds).toEqual(['create']);
    expect(markers(requests)).toEqual(['s1/k1']);
    const [a, b] = sentJson(requests, 'create').attachments as [JsonObject, JsonObject];
    expect(Buffer.from(String(a.contentBytes), 'base64')).toHaveLength(1_000);
    expect(b).toMatchObject({ isInline: true, contentId: 'x', name: 'b' });
    expect(created).toMatchObject({ id: 'new', notRestored: [] });
  });

  test('never asks more of a request than fits: what does not is added afterwards, then the marker says finished', async () => {
    const { creator: c, kinds, requests } = creator();
    await c.create('f', item(file('a', 1_500_000), file('b', 1_500_000)), 's1/k1');
    expect(kinds).toEqual(['create', 'attachment', 'attachment', 'patch']);
    expect(markers(requests)).toEqual(['unfinished:s1/k1', 's1/k1']);
    for (const { request } of requests) expect(request.bytes).toBeLessThanOrEqual(mostRequestBytes);
  });

  test('a wrong announced size does no harm', async () => {
    const { creator: c, kinds } = creator();
    await c.create('f', item(file('a', 3_500_000, { size: 10 })), 'm');
    expect(kinds).toEqual(['create', 'session', 'chunk', 'patch']);
  });

  test('large files go up in order, in chunks of less than 4 MB, without a token', async () => {
    const size = 2 * uploadChunkBytes + 5;
    const { creator: c, requests } = creator();
    await c.create('f', item(file('big.bin', size)), 'm');
    const chunks = requests.filter((r) => r.kind === 'chunk').map((r) => r.request);
    expect(chunks.map((r) => r.headers['content-range'])).toEqual([
      `bytes 0-${uploadChunkBytes - 1}/${size}`,
      `bytes ${uploadChunkBytes}-${2 * uploadChunkBytes - 1}/${size}`,
      `bytes ${2 * uploadChunkBytes}-${size - 1}/${size}`,
    ]);
    expect(uploadChunkBytes).toBeLessThan(4_000_000);
    for (const chunk of chunks) expect(chunk.headers.authorization).toBeUndefined();
    expect(sentJson(requests, 'session')).toEqual({
      AttachmentItem: {
        attachmentType: 'file',
        name: 'big.bin',
        size,
        isInline: false,
        contentType: 'application/octet-stream',
      },
    });
  });

  test('a chunk that fails for the moment is sent again', async () => {
    const { creator: c, kinds } = creator((kind, times) =>
      kind === 'chunk' && times === 0 ? { status: 503 } : undefined,
    );
    await c.create('f', item(file('a', 3_500_000)), 'm');
    expect(kinds.filter((k) => k === 'chunk')).toHaveLength(2);
  });

  test('just below 3 MB, where the documentation leaves a gap, a refused session becomes a POST', async () => {
    const { creator: c, kinds } = creator((kind) =>
      kind === 'session' ? refusal(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize') : undefined,
    );
    await c.create('f', item(file('a', 2_995_000)), 'm');
    expect(kinds).toEqual(['create', 'session', 'attachment', 'patch']);
  });

  test('more than 150 MB cannot be attached: noted, the message is restored without it', async () => {
    const huge = file('huge', 0, {
      size: 160 * 1024 * 1024,
      async *open() {
        const piece = Buffer.alloc(16 * 1024 * 1024);
        for (let n = 0; n < 10; n++) yield await Promise.resolve(piece);
      },
    });
    const { creator: c, kinds } = creator();
    const created = await c.create('f', item(huge), 'm');
    expect(created.notRestored).toEqual([
      { what: 'attachment huge', why: expect.stringContaining('150 MB') },
    ]);
    expect(kinds).toEqual(['create', 'patch']);
  });

  test('a text that alone is too large is told before anything is sent', async () => {
    const { creator: c, kinds } = creator();
    const large = {
      ...item(),
      properties: { body: { contentType: 'text', content: 'x'.repeat(4_000_000) } },
    };
    await expect(c.create('f', large, 'm')).rejects.toMatchObject({
      code: 'message-too-large',
      errorClass: 'permanent-item',
    });
    expect(kinds).toEqual([]);
  });

  test('links are noted; nested messages go as JSON, those with attachments as .eml files', async () => {
    const plain = file('fwd', 100, {
      kind: 'item',
      itemProperties: { subject: 'inner', hasAttachments: false },
    });
    const rich = file('fwd2', 100, {
      kind: 'item',
      itemProperties: { subject: 'inner', hasAttachments: true },
    });
    const { creator: c, requests } = creator();
    const created = await c.create('f', item(plain, rich, file('link', 0, { kind: 'reference' })), 'm');
    const sent = sentJson(requests, 'create').attachments as JsonObject[];
    expect(sent.map((a) => [a['@odata.type'], a.name])).toEqual([
      ['#microsoft.graph.itemAttachment', 'fwd'],
      ['#microsoft.graph.fileAttachment', 'fwd2.eml'],
    ]);
    expect(created.notRestored.map((n) => n.what)).toEqual(['attachment fwd2', 'attachment link']);
  });

  test('a read flag that came out otherwise is set afterwards', async () => {
    const { creator: c, requests } = creator((kind) =>
      kind === 'create' ? { status: 201, body: { id: 'new', isRead: false } } : undefined,
    );
    await c.create('f', item(), 'm');
    expect(sentJson(requests, 'patch')).toEqual({ isRead: true });
  });
});

describe('when nobody knows whether it was done', () => {
  test('a message is looked for by its marker and not made twice', async () => {
    const {
      creator: c,
      kinds,
      requests,
    } = creator((kind) => {
      if (kind === 'create') return broken('UND_ERR_SOCKET');
      return kind === 'find' ? { body: { value: [{ id: 'was-made' }] } } : undefined;
    });
    expect(await c.create('f', item(), "s1/it's")).toMatchObject({ id: 'was-made' });
    expect(kinds).toEqual(['create', 'find']);
    const asked = decodeURIComponent(requests[1]!.request.url);
    expect(asked).toContain(`ep/id eq '${markerPropertyId}' and ep/value eq 's1/it''s'`);
  });

  test('one that is not there is made again', async () => {
    const { creator: c, kinds } = creator((kind, times) =>
      kind === 'create' && times === 0 ? { status: 504 } : undefined,
    );
    expect(await c.create('f', item(), 'm')).toMatchObject({ id: 'new' });
    expect(kinds).toEqual(['create', 'find', 'create']);
  });

  test('an attachment is not added twice', async () => {
    let lost = 0;
    const { creator: c, kinds } = creator((kind) => {
      if (kind === 'attachment' && lost++ === 0) return broken('ECONNRESET');
      return kind === 'list attachments' ? { body: { value: [{ id: 'there' }] } } : undefined;
    });
    await c.create('f', item(file('a', 1_500_000), file('b', 1_500_000)), 'm');
    expect(kinds).toEqual(['create', 'attachment', 'list attachments', 'attachment', 'patch']);
  });
});

describe('an upload session that is lost', () => {
  test('begins again when its file is not there', async () => {
    const { creator: c, kinds } = creator((kind, times) =>
      kind === 'chunk' && times === 0 ? refusal(416, 'InvalidRange') : undefined,
    );
    await c.create('f', item(file('a', 3_500_000)), 'm');
    expect(kinds).toEqual(['create', 'session', 'chunk', 'list attachments', 'session', 'chunk', 'patch']);
  });

  test('was complete when the last chunk came through and only its answer was lost', async () => {
    const { creator: c, kinds } = creator((kind, times) => {
      if (kind === 'chunk') return times === 0 ? broken('ECONNRESET') : refusal(404, 'ErrorItemNotFound');
      return kind === 'list attachments' ? { body: { value: [{ id: 'there' }] } } : undefined;
    });
    await c.create('f', item(file('a', 3_500_000)), 'm');
    expect(kinds).toEqual(['create', 'session', 'chunk', 'chunk', 'list attachments', 'patch']);
  });

  test('again and again is transient, and the message stays marked as unfinished', async () => {
    const { creator: c, kinds } = creator((kind) =>
      kind === 'chunk' ? refusal(404, 'ErrorItemNotFound') : undefined,
    );
    await expect(c.create('f', item(file('a', 3_500_000)), 'm')).rejects.toMatchObject({
      code: 'upload-session-lost',
      errorClass: 'transient',
    });
    expect(kinds).not.toContain('patch');
  });
});

describe('what the service refuses', () => {
  test('is tried once more without what may have been the reason', async () => {
    const { creator: c, requests } = creator((kind, times) =>
      kind === 'create' && times === 0 ? refusal(400, 'ErrorInvalidRecipients') : undefined,
    );
    const bad = {
      ...item(),
      properties: { ...item().properties, toRecipients: [{ emailAddress: { name: 'nobody' } }] },
    };
    const created = await c.create('f', bad, 'm');
    expect(created.notRestored).toEqual([
      { what: 'toRecipients: nobody', why: 'The entry has no valid address.' },
    ]);
    expect(requests.filter((r) => r.kind === 'create')).toHaveLength(2);
  });

  test('for good is a matter of this item', async () => {
    const { creator: c } = creator((kind) => (kind === 'create' ? refusal(400, 'BadRequest') : undefined));
    await expect(c.create('f', item(), 'm')).rejects.toMatchObject({
      code: 'item-refused',
      errorClass: 'permanent-item',
    });
  });

  test.each([
    [507, 'ErrorQuotaExceeded', 'mailbox-full', 'permanent-mailbox'],
    [403, 'ErrorAccessDenied', 'access-denied', 'forbidden'],
    [413, 'ErrorMessageSizeExceeded', 'message-too-large', 'permanent-item'],
  ])('%d %s is told as %s', async (status, serviceCode, code, errorClass) => {
    const { creator: c } = creator((kind) => (kind === 'create' ? refusal(status, serviceCode) : undefined));
    await expect(c.create('f', item(), 'm')).rejects.toMatchObject({ code, errorClass });
  });
});
