import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBlobStore } from '../backends/memory.ts';
import type { Repository } from '../repository.ts';
import type { WriterSession } from '../session/writerSession.ts';
import { emptyFolder, newRepository, pointInput } from '../testing/smallRepository.ts';

let repository: Repository;
let session: WriterSession;
let dispose: () => Promise<void>;
beforeEach(async () => {
  const folder = await emptyFolder();
  dispose = folder.remove;
  repository = await newRepository(new MemoryBlobStore(), { cacheDir: folder.path });
  session = await repository.openSession({ writer: 'test' });
});
afterEach(async () => {
  await repository.close();
  await dispose();
});

const shared = Buffer.alloc(30_000, 'an attachment that everybody has ');
let points = 0;

/** A restore point of a mailbox that holds messages of its own and one with the shared attachment. */
async function pointOf(mailboxIdentity: string, subjects: readonly string[]): Promise<string> {
  const tree = await session.openTree();
  await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox' });
  for (const [time, subject] of subjects.entries()) {
    const { objectId } = await session.storeItem({
      properties: { subject },
      extraParts: [{ name: 'attachment', data: shared }],
    });
    await tree.putItem('inbox', {
      ...{ key: subject, time, objectId, changeKey: '1', size: 1, state: {}, summary: {} },
    });
  }
  const { root } = await tree.commit();
  await tree.close();
  points += 1;
  const pointId = points.toString(16).padStart(16, '0');
  const time = new Date(Date.UTC(2026, 0, points)).toISOString();
  return (await session.commitPoint(pointInput({ pointId, root, mailboxIdentity, time }))).name;
}

describe('what removing restore points frees', () => {
  test('is what only they need, not what a later point of the mailbox has as well', async () => {
    const first = await pointOf('ann', ['a', 'b']);
    await pointOf('ann', ['b']);
    const one = await repository.measureFreed([first]);
    expect(one.bound).toBe('exact');
    expect(one.objects).toBeGreaterThan(0);
    // The attachment stays: it alone is larger than all that goes.
    expect(one.bytes).toBeLessThan(2_000);
  });

  test('is not what another mailbox shares', async () => {
    const ann = await pointOf('ann', ['a']);
    const bob = await pointOf('bob', ['x']);
    const alone = await repository.measureFreed([ann]);
    const both = await repository.measureFreed([ann, bob]);
    expect(both.objects).toBeGreaterThan(2 * alone.objects);
    await repository.removePoint(bob);
    const afterBob = await repository.measureFreed([ann]);
    expect(afterBob.objects).toBeGreaterThan(alone.objects);
  });

  test('is all that is stored when all points go, and nothing when none does', async () => {
    const names = [await pointOf('ann', ['a', 'b']), await pointOf('bob', ['x'])];
    expect((await repository.measureFreed(names)).objects).toBe(repository.statistics().objects);
    expect(await repository.measureFreed([])).toEqual({ objects: 0, bytes: 0, bound: 'exact' });
  });

  test('is at most so much when there are more mailboxes than may be looked at', async () => {
    const ann = await pointOf('ann', ['a']);
    await pointOf('bob', ['x']);
    const exact = await repository.measureFreed([ann]);
    const own = await repository.measureFreed([ann], 100);
    expect(own).toEqual(exact);
    const cut = await repository.measureFreed([ann], 8);
    expect(cut.bound).toBe('at-most');
    expect(cut.objects).toBeGreaterThanOrEqual(exact.objects);
  });

  test('is not counted when the mailbox alone is too much to look at', async () => {
    const ann = await pointOf('ann', ['a', 'b', 'c']);
    expect(await repository.measureFreed([ann], 3)).toEqual({ objects: 0, bytes: 0, bound: 'not-measured' });
  });
});
