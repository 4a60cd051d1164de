import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { CursorExpired, DeltaUnavailable, FolderGone, ForeignHost } from '../errors.ts';
import type { Batch, ItemChange } from '../ports.ts';
import { refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { bufferPool } from './bufferPool.ts';
import { defaultListing, MessageListing } from './messageListing.ts';

const root = 'https://graph.test/v1.0/users/u/mailFolders/f/messages/delta';
const row = (id: string, more: JsonObject = {}): JsonObject => ({
  id,
  subject: `S ${id}`,
  receivedDateTime: '2026-01-01T00:00:00Z',
  body: { contentType: 'text', content: 'x' },
  isRead: false,
  ...more,
});
const removed = (id: string): JsonObject => ({ id, '@removed': { reason: 'deleted' } });
const next = (token: string, ...value: JsonObject[]): Scripted => ({
  body: { value, '@odata.nextLink': `${root}?$skiptoken=${token}` },
});
const last = (token: string, ...value: JsonObject[]): Scripted => ({
  body: { value, '@odata.deltaLink': `${root}?$deltatoken=${token}` },
});

function listing(answer: (request: SeenRequest, number: number) => Scripted | Error, lean = false) {
  const { line, seen } = testLine(answer, { retry: { repeats: 0, fewRepeats: 0 } });
  return {
    listing: new MessageListing(line, '/users/u', { ...defaultListing, lean }, bufferPool(1024)),
    seen,
  };
}
async function walk(batches: AsyncIterable<Batch<ItemChange>>): Promise<Batch<ItemChange>[]> {
  const all: Batch<ItemChange>[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}
const sequence = (...answers: (Scripted | Error)[]) =>
  listing((_, n) => answers[Math.min(n, answers.length - 1)] ?? {});

describe('a round of changes', () => {
  test('asks for the superset once, newest first, and follows opaque links with the same preferences', async () => {
    const { listing: l, seen } = sequence(next('a', row('1')), next('b'), last('c', row('2')));
    const batches = await walk(l.changes('f', undefined));
    expect(batches.map((b) => [b.changes.map((c) => c.id), b.done])).toEqual([
      [['1'], false],
      [[], false],
      [['2'], true],
    ]);
    expect(seen[0]?.url).toContain('$select=id,createdDateTime');
    expect(seen[0]?.url).toContain('$orderby=receivedDateTime%20desc');
    expect(seen.slice(1).map((r) => r.url)).toEqual([`${root}?$skiptoken=a`, `${root}?$skiptoken=b`]);
    for (const request of seen) expect(request.headers.prefer).toContain('odata.maxpagesize=50');
  });

  test('each batch has the cursor that goes on after it, so that a walk can be taken up in its middle', async () => {
    const { listing: l } = sequence(next('a', row('1')), last('b', row('2')));
    expect((await walk(l.changes('f', undefined))).map((b) => b.cursor)).toEqual([
      `${root}?$skiptoken=a`,
      `${root}?$deltatoken=b`,
    ]);
    const { listing: again, seen } = sequence(last('b', row('2')));
    await walk(again.changes('f', `${root}?$skiptoken=a`));
    expect(seen[0]?.url).toBe(`${root}?$skiptoken=a`);
  });

  test('of duplicates in a page the last word counts, replays are harmless upserts', async () => {
    const page = last(
      'x',
      row('1', { isRead: false }),
      removed('2'),
      row('1', { isRead: true }),
      row('2'),
      removed('3'),
      row('3'),
      removed('3'),
    );
    const { listing: l } = sequence(page);
    const [batch] = await walk(l.changes('f', undefined));
    expect(batch?.changes.map((c) => [c.kind, c.id])).toEqual([
      ['upsert', '1'],
      ['upsert', '2'],
      ['removed', '3'],
    ]);
    expect(batch?.changes[0]).toMatchObject({ state: { isRead: true } });
  });

  test('a row with only the changed property is completed by a request; one that vanished meanwhile is removed', async () => {
    const { listing: l, seen } = listing((request) => {
      if (request.url.includes('/messages/1?')) return { body: row('1', { isRead: true }) };
      if (request.url.includes('/messages/2?')) return refusal(404, 'ErrorItemNotFound');
      return last('x', { id: '1', isRead: true }, { id: '2', isRead: true });
    });
    const [batch] = await walk(l.changes('f', 'https://graph.test/v1.0/delta?t'));
    expect(batch?.changes.map((c) => [c.kind, c.id]).sort()).toEqual([
      ['removed', '2'],
      ['upsert', '1'],
    ]);
    expect(seen).toHaveLength(3);
  });

  test('an unchanged folder costs one request', async () => {
    const { listing: l, seen } = sequence(last('y'));
    await walk(l.changes('f', `${root}?$deltatoken=x`));
    expect(seen).toHaveLength(1);
  });

  test('pages that are very large are asked for in halves, and grow again', async () => {
    const big = { contentType: 'text', content: 'x'.repeat(9 * 1024 * 1024) };
    const { listing: l, seen } = sequence(next('a', row('1', { body: big })), next('b'), last('c'));
    await walk(l.changes('f', undefined));
    expect(seen.map((r) => /maxpagesize=(\d+)/.exec(r.headers.prefer ?? '')?.[1])).toEqual([
      '50',
      '25',
      '50',
    ]);
  });

  test('the lean listing leaves the bodies out and takes rows without them for whole', async () => {
    const { body: _, ...lean } = row('1');
    const { listing: l, seen } = listing(() => last('x', lean), true);
    const [batch] = await walk(l.changes('f', undefined));
    expect(batch?.changes[0]?.kind).toBe('upsert');
    expect(seen[0]?.url).not.toMatch(/[,=]body\b/);
  });
});

describe('what can go wrong with a round', () => {
  const stored = `${root}?$deltatoken=old`;

  test.each([
    ['410 SyncStateNotFound', refusal(410, 'SyncStateNotFound'), stored],
    ['resyncRequired under another status', refusal(400, 'resyncRequired'), stored],
    ['a link that is refused in other words', refusal(400, 'BadRequest'), stored],
    ['a stored link to a host that is none of ours any more', last('x'), 'https://old.example/delta?t=1'],
  ])('%s means: start the round again', async (_, answer, cursor) => {
    const { listing: l } = sequence(answer);
    await expect(walk(l.changes('f', cursor))).rejects.toBeInstanceOf(CursorExpired);
  });

  test('a next link that dies in the middle of a walk means the same', async () => {
    const { listing: l } = sequence(next('a', row('1')), refusal(400, 'ErrorInvalidSyncStateData'));
    await expect(walk(l.changes('f', undefined))).rejects.toBeInstanceOf(CursorExpired);
  });

  test('a refused first request is no expired cursor: that would go on for ever', async () => {
    const { listing: l } = sequence(refusal(400, 'BadRequest'));
    await expect(walk(l.changes('f', undefined))).rejects.toMatchObject({ code: 'request-refused' });
  });

  test('a fresh link to a foreign host is refused with its own error and gets no request', async () => {
    const { listing: l, seen } = sequence({
      body: { value: [], '@odata.nextLink': 'https://evil.example/v1.0/delta?$skiptoken=x' },
    });
    await expect(walk(l.changes('f', undefined))).rejects.toBeInstanceOf(ForeignHost);
    expect(seen).toHaveLength(1);
  });

  test.each(['ErrorSyncFolderNotFound', 'ErrorItemNotFound'])('%s means the folder is gone', async (code) => {
    const { listing: l } = sequence(refusal(404, code));
    await expect(walk(l.changes('f', stored))).rejects.toMatchObject({ folderId: 'f' });
    await expect(walk(l.changes('f', stored))).rejects.toBeInstanceOf(FolderGone);
  });

  test('a full mailbox cannot track changes and can be listed in full', async () => {
    const { listing: l } = listing((request) =>
      request.url.includes('/delta') ? refusal(507, 'ErrorQuotaExceeded') : { body: { value: [row('1')] } },
    );
    await expect(walk(l.changes('f', undefined))).rejects.toBeInstanceOf(DeltaUnavailable);
    const pages = [];
    for await (const page of l.inventory('f')) pages.push(page.map((item) => item.id));
    expect(pages).toEqual([['1']]);
  });

  test('a mailbox that is gone is not taken for a folder that is gone', async () => {
    const { listing: l } = sequence(refusal(404, 'MailboxNotEnabledForRESTAPI'));
    await expect(walk(l.changes('f', stored))).rejects.toMatchObject({ errorClass: 'permanent-mailbox' });
  });
});
