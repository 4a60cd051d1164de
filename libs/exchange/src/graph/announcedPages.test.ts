import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { CursorExpired, FolderGone } from '../errors.ts';
import { bodyJson } from '../message/listedBody.ts';
import type { Batch, ItemChange } from '../ports.ts';
import { broken, refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { AnnouncedPages } from './announcedPages.ts';
import { type BufferPool, bufferPool } from './bufferPool.ts';
import { announcedFolders, folderChanges } from './folders.ts';
import { defaultListing, MessageListing } from './messageListing.ts';

const root = 'https://graph.test/v1.0';
const cursorOf = (folder: string) =>
  `${root}/users('u')/mailFolders('${folder}')/messages/delta?$deltatoken=t`;
const folderLink = `${root}/users/u/mailFolders/delta?$deltatoken=t`;
const folderCursor = JSON.stringify({ rootId: 'ROOT', roles: {}, link: folderLink });
const unchanged = (url: string): Scripted => ({
  body: { value: [], '@odata.deltaLink': `${root}${url.split('?')[0]}?$deltatoken=next` },
});
const row = (id: string, content: string): JsonObject => ({
  id,
  subject: 'é "quoted"',
  receivedDateTime: '2026-01-01T00:00:00Z',
  body: { contentType: 'html', content },
});

interface Part {
  id: string;
  url: string;
  headers: { Prefer: string };
}
const partsOf = ({ body }: SeenRequest): Part[] => (JSON.parse(body) as { requests: Part[] }).requests;
const isBatch = ({ url }: SeenRequest): boolean => url === `${root}/$batch`;
const partJson = (id: string, { status = 200, headers, body }: Scripted): string => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `{"id":"${id}","status":${status},"headers":${JSON.stringify(headers ?? {})},"body":${text}}`;
};

/** Counts the memory that is out. */
function countingPool(): BufferPool & { out: Set<unknown> } {
  const inner = bufferPool(1 << 20);
  const out = new Set<unknown>();
  return {
    out,
    take(bytes) {
      const memory = inner.take(bytes);
      out.add(memory.buffer);
      return memory;
    },
    give(memory) {
      out.delete(memory.buffer);
      inner.give(memory);
    },
  };
}

/** A service that answers paths below the version, alone or in batches; and a mailbox's reader of it. */
function world(
  answer: (url: string, part: boolean) => Scripted,
  options: {
    folders?: string[];
    concurrency?: number;
    outer?: (request: SeenRequest) => Scripted | Error | undefined;
    signal?: AbortSignal;
  } = {},
) {
  let renewals = 0;
  const made = testLine(
    (request) => {
      if (!isBatch(request)) return answer(request.url.slice(root.length), false);
      const instead = options.outer?.(request);
      if (instead !== undefined) return instead;
      const parts = partsOf(request).map(({ id, url }) => partJson(id, answer(url, true)));
      const body = Buffer.from(`{"responses":[${parts.reverse().join(',')}]}`);
      return { body, headers: { 'content-length': String(body.length) } };
    },
    {
      retry: { repeats: 1, fewRepeats: 0, pauses: 1 },
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      tokens: { token: () => Promise.resolve('t'), renew: () => Promise.resolve(`t${++renewals}`) },
    },
  );
  const memory = countingPool();
  const pages = new AnnouncedPages(made.line, memory);
  const listing = new MessageListing(made.line, '/users/u', defaultListing, memory, pages);
  const folders = options.folders ?? ['a', 'b', 'c'];
  const links = folders.map((folder) => listing.announcementOf(cursorOf(folder)));
  pages.announce([announcedFolders(folderCursor, false)!, ...links]);
  const read = (folder: string) => all(listing.changes(folder, cursorOf(folder)));
  return {
    ...{ ...made, memory, pages, listing, read },
    renewals: () => renewals,
    tree: () => all(folderChanges(made.line, '/users/u', folderCursor, false, pages)),
    batches: () => made.seen.filter(isBatch).map((request) => partsOf(request).map(({ url }) => url)),
    alone: () => made.seen.filter((r) => !isBatch(r)).map(({ url }) => url),
  };
}

async function all<T>(batches: AsyncIterable<Batch<T>>): Promise<Batch<T>[]> {
  const read: Batch<T>[] = [];
  for await (const batch of batches) read.push(batch);
  return read;
}

/** With the bytes of bodies as text, which live only until the next batch. */
async function shown(changes: AsyncIterable<Batch<ItemChange>>): Promise<string> {
  const texts: string[] = [];
  for await (const batch of changes) {
    const rows = batch.changes.map((change) =>
      change.kind === 'removed' || change.body === undefined
        ? change
        : { ...change, body: Buffer.from(bodyJson(change.body)).toString() },
    );
    texts.push(JSON.stringify({ ...batch, changes: rows }));
  }
  return texts.join('\n');
}

describe('announced changes', () => {
  test('that are none cost one exchange; its parts are the requests, and count as such', async () => {
    const w = world(unchanged);
    const tree = await w.tree();
    expect(tree).toMatchObject([{ changes: [], done: true }]);
    for (const folder of ['a', 'b', 'c']) {
      const [batch] = await w.read(folder);
      expect(batch).toMatchObject({ changes: [], done: true, cursor: expect.stringContaining('=next') });
    }
    expect(w.seen).toHaveLength(1);
    expect(w.statistics.requests).toBe(4);
    const [first, second] = partsOf(w.seen[0]!);
    expect(first).toMatchObject({
      url: '/users/u/mailFolders/delta?$deltatoken=t',
      headers: { Prefer: 'IdType="ImmutableId", odata.maxpagesize=250' },
    });
    expect(second).toMatchObject({
      url: "/users('u')/mailFolders('a')/messages/delta?$deltatoken=t",
      headers: { Prefer: 'IdType="ImmutableId", odata.maxpagesize=50, outlook.allow-unsafe-html' },
    });
  });

  test('are the ones that single requests bring, to the byte, and go on alone', async () => {
    const large = '<p class="x">\\ é\u2028 </p>'.repeat(2000);
    const page: Scripted = {
      body: `{"value":[${JSON.stringify(row('1', large))}, ${JSON.stringify(row('2', ''))},
        {"id":"3","subject":"","receivedDateTime":"x","body":{"contentType":"text","content":"\\u0041\\/"}},
        {"id":"4","@removed":{"reason":"deleted"}}],"@odata.nextLink":"${root}/more"}`,
    };
    const answer = (url: string) =>
      url === '/more' || url.includes('mailFolders/delta') ? unchanged(url) : page;
    const together = world(answer);
    const text = await shown(together.listing.changes('a', cursorOf('a')));
    const alone = world(answer, { folders: [] });
    expect(text).toBe(await shown(alone.listing.changes('a', cursorOf('a'))));
    expect(text).toContain('\\"quoted');
    expect(together.alone()).toEqual([`${root}/more`]);
    expect(alone.batches()).toEqual([]);
    together.pages.close();
    expect(together.memory.out.size).toBe(0);
  });

  test('are given once, to the very cursor; everything else is asked for', async () => {
    const w = world(unchanged);
    await w.read('a');
    await w.read('a');
    await all(w.listing.changes('a', `${cursorOf('a')}2`));
    await all(w.listing.changes('a', undefined));
    expect(w.alone()).toHaveLength(3);
    expect(w.batches()).toHaveLength(1);
  });

  test('of many folders come in batches one after the other, as they are wanted', async () => {
    const folders = Array.from({ length: 45 }, (_, n) => `f${n}`);
    const w = world(unchanged, { folders });
    await w.tree();
    expect(w.batches().map((parts) => parts.length)).toEqual([20]);
    expect(partsOf(w.seen[0]!)[1]?.headers.Prefer).toContain('maxpagesize=10,');
    await Promise.all(folders.map((folder) => w.read(folder)));
    expect(w.batches().map((parts) => parts.length)).toEqual([20, 20, 6]);
    expect(w.statistics.requests).toBe(46);
  });

  test('have no more parts at a time than the mailbox has slots; one alone is no batch', async () => {
    const w = world(unchanged, { concurrency: 3, folders: ['a', 'b', 'c', 'd', 'e', 'f'] });
    await w.tree();
    for (const folder of ['a', 'b', 'c', 'd', 'e', 'f']) await w.read(folder);
    expect(w.batches().map((parts) => parts.length)).toEqual([3, 3]);
    expect(w.alone()).toEqual([cursorOf('f')]);
    expect(w.statistics.requests).toBe(7);
  });

  test.each([
    ['another host', 'https://old.example/v1.0/x'],
    ['another version', 'https://graph.test/beta/x'],
    ['no address', 'x'],
  ])('behind links to %s are in no batch and fail as ever', async (_, link) => {
    const w = world(unchanged, { folders: [] });
    w.pages.announce([link, cursorOf('a'), cursorOf('b')].map((one) => w.listing.announcementOf(one)));
    const single = world(unchanged, { folders: [] });
    const outcome = (v: typeof w) => all(v.listing.changes('x', link)).catch((error: Error) => error.message);
    expect(await outcome(w)).toEqual(await outcome(single));
    await w.read('a');
    expect(w.batches().flat()).not.toContain(link);
    expect(w.batches()).toHaveLength(1);
  });
});

describe('a part that is refused', () => {
  const only =
    (folder: string, refused: Scripted) =>
    (url: string): Scripted =>
      url.includes(`'${folder}'`) ? refused : unchanged(url);

  test.each([
    ['410', refusal(410, 'SyncStateNotFound'), CursorExpired],
    ['404', refusal(404, 'ErrorSyncFolderNotFound'), FolderGone],
  ])('by %s is told of that folder alone', async (_, refused, kind) => {
    const w = world(only('b', refused));
    await w.tree();
    await w.read('a');
    await expect(w.read('b')).rejects.toBeInstanceOf(kind);
    await w.read('c');
    expect(w.seen).toHaveLength(1);
  });

  test('because of the limits is asked for again, and nothing else is', async () => {
    let refused = 0;
    const w = world((url) =>
      url.includes("'b'") && refused++ === 0
        ? refusal(429, 'ApplicationThrottled', { 'Retry-After': '7.5' })
        : unchanged(url),
    );
    const before = w.clock.now();
    for (const folder of ['a', 'b', 'c']) await w.read(folder);
    expect(w.batches()[1]).toEqual([cursorOf('b').slice(root.length)]);
    expect(w.grant.fences).toEqual([before + 7500]);
    expect(w.clock.now() - before).toBeGreaterThanOrEqual(7500);
    expect(w.statistics).toMatchObject({ requests: 5, repeats: 1 });
  });

  test('because of the token is asked for with a new one', async () => {
    let refused = 0;
    const w = world((url) => (refused++ === 0 ? refusal(401, 'InvalidAuthenticationToken') : unchanged(url)));
    await w.tree();
    expect(w.renewals()).toBe(1);
    expect(w.batches().map((parts) => parts.length)).toEqual([4, 1]);
  });

  test.each([
    ['in words that nobody knows', refusal(400, 'BadRequest')],
    ['because it is large', refusal(413, 'RequestEntityTooLarge')],
    ['with a body that is no page', { body: '"dGV4dA=="' }],
    ['with a body that is broken', { body: '{"value":[1 2]}' }],
  ])('%s is asked for alone', async (_, refused) => {
    const w = world((url, part) => (part && url.includes("'b'") ? refused : unchanged(url)));
    for (const folder of ['a', 'b', 'c']) await w.read(folder);
    expect([w.batches().length, w.alone()]).toEqual([1, [cursorOf('b')]]);
    const ever = world((url) => (url.includes("'b'") ? refusal(400, 'BadRequest') : unchanged(url)));
    await expect(ever.read('b')).rejects.toBeInstanceOf(CursorExpired);
  });
});

describe('a batch that cannot be had', () => {
  test.each([
    ['400', refusal(400, 'BadRequest')],
    ['403', { status: 403, body: '<html>no</html>' }],
    ['404', refusal(404, 'NotFound')],
    ['405', { status: 405 }],
    ['413', refusal(413, 'RequestEntityTooLarge')],
    ['501', refusal(501, 'NotImplemented')],
    ['what is no answer to it', { body: '<html>welcome</html>' }],
    ['too much', { headers: { 'content-length': String(64 << 20) }, body: '{}' }],
    ['too much without saying so', { body: Array.from({ length: 40 }, () => Buffer.alloc(1 << 20, 0x20)) }],
  ])('by %s is not tried again: its changes are asked for alone', async (_, outer) => {
    const folders = Array.from({ length: 24 }, (__, n) => `f${n}`);
    const w = world(unchanged, { folders, outer: () => outer });
    await w.tree();
    for (const folder of folders) await w.read(folder);
    expect(new Set(w.batches().map(String)).size).toBe(1);
    expect(w.alone()).toEqual([folderLink, ...folders.map(cursorOf)]);
  });

  test('for the moment is repeated by the line, and then tells what happened', async () => {
    let tries = 0;
    const shaky = world(unchanged, { outer: () => (tries++ === 0 ? broken('ECONNRESET') : undefined) });
    await shaky.read('a');
    expect(shaky.alone()).toEqual([]);
    const down = world(unchanged, { outer: () => ({ status: 503 }) });
    await expect(down.read('a')).rejects.toMatchObject({ code: 'service-unavailable' });
    await expect(down.read('b')).rejects.toMatchObject({ code: 'service-unavailable' });
    expect(down.seen).toHaveLength(2);
  });
});

describe('memory', () => {
  const big = (url: string): Scripted => ({
    body: { value: [row('1', 'x'.repeat(50_000))], '@odata.deltaLink': `${root}${url}n` },
  });

  test('of pages that nobody took is given back at the end', async () => {
    const w = world(big);
    await w.read('a');
    expect(w.memory.out.size).toBe(3);
    w.pages.close();
    expect(w.memory.out.size).toBe(0);
    await w.read('b');
    expect(w.alone()).toEqual([cursorOf('b')]);
  });

  test('of a batch that comes after the end is given back too', async () => {
    const w = world(big);
    const reading = w.read('a');
    w.pages.close();
    await reading;
    expect(w.batches()).toHaveLength(1);
    expect(w.memory.out.size).toBe(0);
  });

  test('is given back when the work was stopped between two rounds of a batch', async () => {
    const stop = new AbortController();
    const w = world(
      (url) => {
        if (!url.includes("'b'")) return big(url);
        stop.abort(new Error('stopped'));
        return refusal(429, 'ApplicationThrottled', { 'Retry-After': '1' });
      },
      { signal: stop.signal },
    );
    await expect(w.read('b')).rejects.toThrow('stopped');
    w.pages.close();
    expect(w.memory.out.size).toBe(0);
  });
});
