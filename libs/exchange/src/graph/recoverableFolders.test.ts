import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { type KnownRecoverable, recoverableChanges, recoverableFolders } from './recoverableFolders.ts';

const row = (id: string, displayName: string, parentFolderId: string, childFolderCount = 0): JsonObject => ({
  ...{ id, displayName, parentFolderId, childFolderCount, totalItemCount: 2, isHidden: true },
});
const deletions = row('DEL', 'Deletions', 'REC', 1);
const list = (...value: JsonObject[]): Scripted => ({ body: { value } });

/** Recoverable Items with a folder that was deleted, one that a hold fills, and the logs of the service. */
function service({ url }: SeenRequest): Scripted {
  if (url.includes('/recoverableitemsdeletions?')) return { body: deletions };
  if (url.includes('/DEL/childFolders')) return list(row('OLD', 'Old project', 'DEL'));
  return list(
    deletions,
    row('PUR', 'Purges', 'REC'),
    row('SUB', 'SubstrateHolds', 'REC'),
    row('AUD', 'Audits', 'REC'),
    row('CAL', 'Calendar Logging', 'REC'),
  );
}

describe('Recoverable Items', () => {
  test('are found by the one documented name, with all that holds mail in them', async () => {
    const { line } = testLine(service);
    const folders = await recoverableFolders(line, '/users/u');
    expect(folders.map(({ itemCount }) => itemCount).filter((count) => count !== undefined)).toEqual([]);
    expect(folders.map(({ id, parentId, role, hidden }) => [id, parentId, role, hidden])).toEqual([
      ['REC', null, 'recoverableitemsroot', false],
      ['DEL', 'REC', 'recoverableitemsdeletions', false],
      ['OLD', 'DEL', undefined, false],
      ['PUR', 'REC', 'recoverableitemspurges', false],
      ['SUB', 'REC', 'recoverableitemssubstrateholds', false],
    ]);
  });

  test('cost one request when nothing changed, and tell what is new and what is gone', async () => {
    const flat = (...more: JsonObject[]) => list(row('DEL', 'Deletions', 'REC'), ...more);
    let answer = flat(row('PUR', 'Purges', 'REC'));
    const { line, seen } = testLine((request) =>
      request.url.includes('/recoverableitemsdeletions?') ? { body: deletions } : answer,
    );
    const first = await recoverableChanges(line, '/users/u', undefined);
    expect(first.changes).toHaveLength(3);
    const before = seen.length;
    const second = await recoverableChanges(line, '/users/u', first.known);
    expect([second.changes, seen.length - before]).toEqual([[], 1]);
    answer = flat(row('VER', 'Versions', 'REC'));
    const third = await recoverableChanges(line, '/users/u', second.known);
    expect(third.changes).toEqual([
      { kind: 'upsert', folder: expect.objectContaining({ id: 'VER', role: 'recoverableitemsversions' }) },
      { kind: 'removed', id: 'PUR' },
    ]);
  });

  test('are Deletions alone where the service does not list what is beside it', async () => {
    const { line } = testLine((request) =>
      request.url.includes('/childFolders') ? refusal(400, 'ErrorInvalidRequest') : service(request),
    );
    const known: KnownRecoverable = { rootId: 'REC', deletionsId: 'DEL', folders: {} };
    for (const folders of [
      await recoverableFolders(line, '/users/u'),
      (await recoverableChanges(line, '/users/u', known)).changes.map(
        (one) => one.kind === 'upsert' && one.folder,
      ),
    ]) {
      expect(folders).toMatchObject([{ id: 'REC' }, { id: 'DEL', parentId: 'REC' }]);
    }
  });

  test('a mailbox without them has none', async () => {
    const { line } = testLine(() => refusal(404, 'ErrorItemNotFound'));
    expect(await recoverableFolders(line, '/users/u')).toEqual([]);
    expect(await recoverableChanges(line, '/users/u', undefined)).toEqual({ changes: [], known: undefined });
  });
});
