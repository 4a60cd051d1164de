import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createCorpus } from '../corpus/corpus.ts';
import { openSession, type Session } from '../testing/session.ts';

let session: Session;
let user: string;
const MB = 1024 * 1024;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  session = await openSession({
    mailboxes: 1,
    messages: 800,
    profile: 'standard',
    limits: { uploadBytes: 1e12 },
  });
  user = session.users[0]!;
});
afterAll(() => session.close());

/** A message of the generated mailbox with a property, through its internet message id. */
async function generatedMessage(
  fits: (facts: ReturnType<ReturnType<typeof createCorpus>['facts']>) => boolean,
): Promise<string> {
  const corpus = createCorpus({ seed: 1, mailboxes: 1, messagesPerMailbox: 800 });
  const index = Array.from({ length: 800 }, (_, at) => at).find((at) => fits(corpus.facts(0, at)));
  const id = corpus.facts(0, index!).internetMessageId;
  return (await session.get(`/users/${user}/messages?$filter=internetMessageId eq '${id}'&$select=id`)).json
    .value[0].id;
}

describe('attachments of generated mail', () => {
  test('a file is the same in the list, in JSON and as raw bytes', async () => {
    const message = await generatedMessage((facts) => facts.files.length > 0);
    const list = await session.get(
      `/users/${user}/messages/${message}/attachments?$select=id,name,size,contentType,isInline`,
    );
    expect(Object.keys(list.json.value[0]).sort()).toEqual([
      '@odata.mediaContentType',
      '@odata.type',
      'contentType',
      'id',
      'isInline',
      'name',
      'size',
    ]);
    const one = list.json.value.at(-1);
    const full = await session.get(`/users/${user}/messages/${message}/attachments/${one.id}`);
    const raw = await session.get(`/users/${user}/messages/${message}/attachments/${one.id}/$value`);
    expect(raw.bytes.length).toBe(one.size);
    expect(sha256(Buffer.from(full.json.contentBytes, 'base64'))).toBe(sha256(raw.bytes));
    const expanded = await session.get(
      `/users/${user}/messages/${message}?$expand=attachments&$select=hasAttachments`,
    );
    expect(expanded.json.hasAttachments).toBe(true);
    expect(sha256(Buffer.from(expanded.json.attachments.at(-1).contentBytes, 'base64'))).toBe(
      sha256(raw.bytes),
    );
  });

  test('an attached message gives its MIME by $value and JSON by expand', async () => {
    const message = await generatedMessage((facts) => facts.embedded);
    const list = await session.get(
      `/users/${user}/messages/${message}/attachments?$expand=microsoft.graph.itemAttachment/item`,
    );
    const item = list.json.value.find(
      (one: Record<string, string>) => one['@odata.type'] === '#microsoft.graph.itemAttachment',
    );
    expect(item.item).toMatchObject({ '@odata.type': '#microsoft.graph.message', subject: item.name });
    const mime = await session.get(`/users/${user}/messages/${message}/attachments/${item.id}/$value`);
    expect(mime.bytes.toString()).toContain('Message-ID: <inner.');
  });

  test('an image in the body is inline and does not count as attachment', async () => {
    const message = await generatedMessage(
      (facts) => facts.inlineImage !== undefined && facts.files.length === 0 && !facts.embedded,
    );
    const read = await session.get(`/users/${user}/messages/${message}?$expand=attachments`);
    expect(read.json.hasAttachments).toBe(false);
    const [image] = read.json.attachments;
    expect(image.isInline).toBe(true);
    expect(read.json.body.content).toContain(`cid:${image.contentId}`);
  });
});

describe('attachments written by a client', () => {
  const item = {
    '@odata.type': '#microsoft.graph.message',
    subject: 'inner',
    body: { contentType: 'text', content: 'inside' },
    toRecipients: [],
  };

  test('come inline with the message: files, items, inline images', async () => {
    const attachments = [
      {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name: 'a.bin',
        contentType: 'application/x-test',
        contentBytes: Buffer.from([0, 1, 2]).toString('base64'),
      },
      {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name: 'i.png',
        isInline: true,
        contentId: 'img1',
        contentBytes: 'AAAA',
      },
      { '@odata.type': '#microsoft.graph.itemAttachment', name: 'inner', item },
    ];
    const { json } = await session.post(`/users/${user}/mailFolders/inbox/messages`, {
      subject: 'outer',
      attachments,
    });
    expect(json.hasAttachments).toBe(true);
    const list = await session.get(
      `/users/${user}/messages/${json.id}/attachments?$expand=microsoft.graph.itemattachment/item`,
    );
    expect(
      list.json.value.map((one: Record<string, unknown>) => [one.name, one.isInline, one.contentType]),
    ).toEqual([
      ['a.bin', false, 'application/x-test'],
      ['i.png', true, 'application/octet-stream'],
      ['inner', false, null],
    ]);
    expect(list.json.value[2].item).toMatchObject({
      subject: 'inner',
      body: { contentType: 'text', content: expect.stringContaining('inside') },
    });
  });

  test('are added and deleted one by one; ids of the others stay', async () => {
    const { json } = await session.post(`/users/${user}/mailFolders/inbox/messages`, {
      subject: 'one by one',
    });
    const add = (name: string) =>
      session.post(`/users/${user}/messages/${json.id}/attachments`, {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name,
        contentBytes: 'aGVsbG8=',
      });
    const [one, two] = [await add('one'), await add('two')];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(
      (await session.call('DELETE', `/users/${user}/messages/${json.id}/attachments/${one.json.id}`)).status,
    ).toBe(204);
    expect(
      (
        await session.get(`/users/${user}/messages/${json.id}/attachments/${two.json.id}/$value`)
      ).bytes.toString(),
    ).toBe('hello');
    expect((await session.get(`/users/${user}/messages/${json.id}/attachments/${one.json.id}`)).status).toBe(
      404,
    );
  });

  test('a reference attachment is listed but has no content', async () => {
    const { json } = await session.post(`/users/${user}/mailFolders/inbox/messages`, { subject: 'link' });
    await session.control.addReferenceAttachment(user, json.id, 'plan.docx');
    const [link] = (await session.get(`/users/${user}/messages/${json.id}/attachments`)).json.value;
    expect(link).toMatchObject({ '@odata.type': '#microsoft.graph.referenceAttachment', name: 'plan.docx' });
    expect(link.contentBytes).toBeUndefined();
    const value = await session.get(`/users/${user}/messages/${json.id}/attachments/${link.id}/$value`);
    expect(value.status).toBe(405);
  });

  test('of 3 MB or more need an upload session', async () => {
    const { json } = await session.post(`/users/${user}/mailFolders/inbox/messages`, { subject: 'big' });
    const body = {
      '@odata.type': '#microsoft.graph.fileAttachment',
      name: 'big',
      contentBytes: 'A'.repeat(4.1 * MB),
    };
    expect((await session.post(`/users/${user}/messages/${json.id}/attachments`, body)).status).toBe(413);
  });
});

describe('an upload session', () => {
  const file = Buffer.alloc(5 * MB, 'abcdefghijk');

  async function open(): Promise<{ message: string; url: string }> {
    const { json } = await session.post(`/users/${user}/mailFolders/inbox/messages`, { subject: 'upload' });
    const opened = await session.post(`/users/${user}/messages/${json.id}/attachments/createUploadSession`, {
      AttachmentItem: {
        attachmentType: 'file',
        name: 'f.bin',
        size: file.length,
        isInline: true,
        contentId: 'c1',
      },
    });
    expect(opened.status).toBe(201);
    expect(opened.json.nextExpectedRanges).toEqual(['0-']);
    return { message: json.id, url: opened.json.uploadUrl };
  }
  const put = (url: string, from: number, to: number, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: 'PUT',
      body: file.subarray(from, to),
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `bytes ${from}-${to - 1}/${file.length}`,
        ...headers,
      },
    });

  test('takes chunks in order and ends with 201, a Location and no body', async () => {
    const { message, url } = await open();
    const first = await put(url, 0, 2 * MB);
    expect([
      first.status,
      ((await first.json()) as { nextExpectedRanges: string[] }).nextExpectedRanges,
    ]).toEqual([200, [String(2 * MB)]]);
    const last = await put(url, 2 * MB, file.length);
    expect([last.status, await last.text()]).toEqual([201, '']);
    const id = /attachments\('([^']+)'\)/.exec(last.headers.get('location')!)?.[1];
    const raw = await session.get(`/users/${user}/messages/${message}/attachments/${id}/$value`);
    expect(sha256(raw.bytes)).toBe(sha256(file));
    const mime = await session.get(`/users/${user}/messages/${message}/$value`);
    expect(mime.bytes.length).toBeGreaterThan(file.length * 1.3);
    expect(mime.bytes.length).toBe(Number(mime.headers.get('content-length')));
  });

  test('refuses an Authorization header, a gap, a chunk over 4 MB, a wrong length and a stranger', async () => {
    const { url } = await open();
    expect((await put(url, 0, MB, { authorization: `Bearer ${session.token}` })).status).toBe(401);
    expect((await put(url, MB, 2 * MB)).status).toBe(416);
    expect((await put(url, 0, 4.5 * MB)).status).toBe(413);
    expect((await put(url, 0, MB, { 'content-range': `bytes 0-9/${file.length}` })).status).toBe(400);
    expect((await put(url.replace(/authtoken=.*/, 'authtoken=guess'), 0, MB)).status).toBe(401);
  });

  test('is gone when it was given up or has expired', async () => {
    const given = await open();
    expect((await fetch(given.url, { method: 'DELETE' })).status).toBe(204);
    expect((await put(given.url, 0, MB)).status).toBe(404);
    const { url } = await open();
    await session.control.expireUploadSessions();
    expect((await put(url, 0, MB)).status).toBe(404);
  });
});
