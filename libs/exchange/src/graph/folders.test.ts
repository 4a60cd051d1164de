import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { CursorExpired } from '../errors.ts';
import type { Batch, FolderChange } from '../ports.ts';
import { refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { containerClass } from './folderRows.ts';
import { allFolders, folderChanges, folderClasses } from './folders.ts';

const roles: Record<string, string> = {
  msgfolderroot: 'ROOT',
  inbox: 'IN',
  drafts: 'DR',
  searchfolders: 'SF',
};
const row = (id: string, name: string, parent = 'ROOT', more: JsonObject = {}): JsonObject => ({
  id,
  displayName: name,
  parentFolderId: parent,
  childFolderCount: 0,
  totalItemCount: 3,
  isHidden: false,
  ...more,
});

function batch(request: SeenRequest): Scripted {
  const { requests } = JSON.parse(request.body) as { requests: { id: string; url: string }[] };
  const responses = requests.map(({ id }) =>
    roles[id] === undefined
      ? { id, status: 404, body: { error: { code: 'ErrorItemNotFound' } } }
      : { id, status: 200, body: { id: roles[id] } },
  );
  return { body: { responses: responses.reverse() } };
}

/** A mailbox with a hidden folder that change tracking does not tell, and a search folder. */
function service(delta: (request: SeenRequest) => Scripted) {
  return (request: SeenRequest): Scripted => {
    if (request.url.includes('/$batch')) return batch(request);
    if (request.url.includes('/delta')) return delta(request);
    if (request.url.includes('/IN/childFolders')) return { body: { value: [row('SUB', 'Sub', 'IN')] } };
    return {
      body: {
        value: [
          row('IN', 'Posteingang', 'ROOT', { childFolderCount: 1 }),
          row('HID', 'Hidden', 'ROOT', { isHidden: true }),
          row('SEARCH', 'Unread', 'ROOT', { '@odata.type': '#microsoft.graph.mailSearchFolder' }),
          row('SF', 'Search folders', 'ROOT', { childFolderCount: 2 }),
        ],
      },
    };
  };
}
const deltaAnswer = (...value: JsonObject[]): Scripted => ({
  body: { value, '@odata.deltaLink': 'https://graph.test/v1.0/users/u/mailFolders/delta?$deltatoken=1' },
});

async function only(batches: AsyncIterable<Batch<FolderChange>>): Promise<Batch<FolderChange>> {
  const all: Batch<FolderChange>[] = [];
  for await (const b of batches) all.push(b);
  expect(all).toHaveLength(1);
  return all[0]!;
}

describe('the folder tree', () => {
  test('comes from change tracking and a full walk together: hidden folders in, search folders out', async () => {
    const { line } = testLine(
      service(() =>
        deltaAnswer(
          row('ROOT', 'Top', 'ABOVE'),
          row('IN', 'Posteingang'),
          row('SUB', 'Sub', 'IN'),
          row('NEW', 'Made meanwhile', 'SUB'),
          row('PURGES', 'Purges', 'RECOVERABLE'),
          row('SEARCH', 'Unread', 'ROOT', { '@odata.type': '#microsoft.graph.mailSearchFolder' }),
        ),
      ),
    );
    const { changes, done } = await only(folderChanges(line, '/users/u', undefined));
    const folders = changes.map((c) => (c.kind === 'upsert' ? c.folder : undefined));
    expect(done).toBe(true);
    expect(folders.map((f) => f?.id).sort()).toEqual(['HID', 'IN', 'NEW', 'SUB']);
    expect(folders.find((f) => f?.id === 'IN')).toEqual({
      id: 'IN',
      parentId: null,
      name: 'Posteingang',
      role: 'inbox',
      hidden: false,
      itemCount: 3,
    });
    expect(folders.find((f) => f?.id === 'SUB')).toMatchObject({ parentId: 'IN' });
    expect(folders.find((f) => f?.id === 'HID')).toMatchObject({ hidden: true });
  });

  test('later rounds cost one request and still know the well-known folders', async () => {
    let round = 0;
    const { line, seen } = testLine(
      service(() =>
        round++ === 0
          ? deltaAnswer()
          : deltaAnswer(row('IN', 'Inbox renamed'), { id: 'SUB', '@removed': {} }),
      ),
    );
    const first = await only(folderChanges(line, '/users/u', undefined));
    const before = seen.length;
    const second = await only(folderChanges(line, '/users/u', first.cursor));
    expect(seen.length - before).toBe(1);
    expect(second.changes).toEqual([
      { kind: 'upsert', folder: expect.objectContaining({ id: 'IN', role: 'inbox', parentId: null }) },
      { kind: 'removed', id: 'SUB' },
    ]);
    expect(JSON.parse(second.cursor)).toMatchObject({ rootId: 'ROOT' });
  });

  test('the walk tells classes; where lists do not expand them it goes on without', async () => {
    const withClass = row('FEEDS', 'Feeds', 'ROOT', {
      singleValueExtendedProperties: [{ id: containerClass, value: 'IPF.Note.OutlookHomepage' }],
    });
    const answer = ({ url }: SeenRequest): Scripted =>
      url.includes('$expand') ? { body: { value: [withClass] } } : refusal(400, 'ErrorInvalidUrlQuery');
    const ask = (script: (request: SeenRequest) => Scripted) => {
      const { line } = testLine((request) =>
        request.url.includes('/$batch') ? batch(request) : script(request),
      );
      return allFolders(line, '/users/u');
    };
    expect(await ask(answer)).toMatchObject([{ id: 'FEEDS', folderClass: 'IPF.Note.OutlookHomepage' }]);
    const plain = ({ url }: SeenRequest): Scripted =>
      url.includes('$expand')
        ? refusal(400, 'ErrorInvalidUrlQuery')
        : { body: { value: [row('FEEDS', 'Feeds')] } };
    expect((await ask(plain)).map(({ id, folderClass }) => [id, folderClass])).toEqual([
      ['FEEDS', undefined],
    ]);
  });

  test('classes are asked for in a batch; a folder that is gone is left out', async () => {
    const { line, seen } = testLine((request) => {
      const { requests } = JSON.parse(request.body) as { requests: { id: string; url: string }[] };
      const [there, gone] = requests;
      const property = { id: containerClass, value: 'IPF.Note.Custom' };
      return {
        body: {
          responses: [
            { id: there?.id, status: 200, body: { id: 'A', singleValueExtendedProperties: [property] } },
            { id: gone?.id, status: 404, body: { error: { code: 'ErrorItemNotFound' } } },
          ],
        },
      };
    });
    expect([...(await folderClasses(line, '/users/u', ['A', 'B']))]).toEqual([['A', 'IPF.Note.Custom']]);
    expect([...(await folderClasses(line, '/users/u', []))]).toEqual([]);
    expect(seen).toHaveLength(1);
  });

  test('a full mailbox is walked, and its next round is a full one again', async () => {
    const { line } = testLine(service(() => refusal(507, 'ErrorQuotaExceeded')));
    const first = await only(folderChanges(line, '/users/u', undefined));
    expect(first.changes.length).toBe(3);
    await expect(only(folderChanges(line, '/users/u', first.cursor))).rejects.toBeInstanceOf(CursorExpired);
  });

  test('an expired cursor is told', async () => {
    let round = 0;
    const { line } = testLine(
      service(() => (round++ === 0 ? deltaAnswer() : refusal(410, 'SyncStateNotFound'))),
    );
    const first = await only(folderChanges(line, '/users/u', undefined));
    await expect(only(folderChanges(line, '/users/u', first.cursor))).rejects.toBeInstanceOf(CursorExpired);
  });

  test('throttled parts of the batch are asked for again, after the pause they name', async () => {
    let tries = 0;
    const { line, grant, seen } = testLine((request) => {
      if (!request.url.includes('/$batch') || tries++ > 0) return service(() => deltaAnswer())(request);
      const { requests } = JSON.parse(request.body) as { requests: { id: string }[] };
      return {
        body: {
          responses: requests.map(({ id }, n) =>
            n % 2 === 0
              ? {
                  id,
                  status: 429,
                  headers: { 'Retry-After': '3' },
                  body: { error: { code: 'ApplicationThrottled' } },
                }
              : { id, status: 200, body: { id: roles[id] ?? `X-${id}` } },
          ),
        },
      };
    });
    const { changes } = await only(folderChanges(line, '/users/u', undefined));
    expect(changes.length).toBe(3);
    expect(grant.fences).toHaveLength(1);
    expect(seen.filter((r) => r.url.includes('/$batch'))).toHaveLength(2);
  });

  test('with fewer slots than four the batches have no more parts than slots', async () => {
    const { line, seen, statistics } = testLine(
      service(() => deltaAnswer()),
      { concurrency: 2 },
    );
    await only(folderChanges(line, '/users/u', undefined));
    const batches = seen.filter((r) => r.url.includes('/$batch'));
    expect(batches.length).toBe(8);
    for (const b of batches) expect((JSON.parse(b.body) as { requests: unknown[] }).requests).toHaveLength(2);
    expect(statistics.requests).toBe(seen.length + 8);
  });
});
