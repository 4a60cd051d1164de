import { type JsonObject, recoverableRootRole } from '@holdfast/contracts';
import { bodyJson, type ListedBody, type MailboxConnector, type MailboxRef } from '@holdfast/exchange';
import { createRepository, openBlobStore, openRepository } from '@holdfast/repository';

export const passphrase = 'four random words here';

/** A repository of the engine in memory. */
export async function createEngineRepository(place: string): Promise<void> {
  const store = await openBlobStore({ kind: 'memory', name: place });
  await createRepository(store, { passphrase, kdf: { name: 'scrypt', n: 16, r: 8, p: 1 } });
}

/** Backs the mailbox up as it is now, straight through the engine. Name and id of the point. */
export async function backUpToEngine(
  place: string,
  cacheDir: string,
  exchange: Pick<MailboxConnector, 'reader'>,
  ref: MailboxRef,
  pointId: string,
  options: { recoverable?: boolean } = {},
): Promise<{ pointName: string; pointId: string }> {
  const store = await openBlobStore({ kind: 'memory', name: place });
  const repository = await openRepository(store, {
    ...{ secret: { passphrase }, cacheDir, threads: 0, commitIntervalMs: 1 },
  });
  const session = await repository.openSession({ writer: 'test' });
  const tree = await session.openTree();
  const reader = await exchange.reader(ref, { signal: new AbortController().signal, ...options });
  let items = 0;
  for (const { id, parentId, name, role, folderClass } of await reader.folders()) {
    await tree.putFolder({ id, parentId, name, role, class: folderClass });
    if (role === recoverableRootRole) continue;
    for await (const page of reader.inventory(id)) {
      for (const listed of page) {
        const { body, ...content } = await reader.content(listed);
        const properties = body === undefined ? content.properties : withBody(content.properties, body);
        const { objectId, mimeSize } = await session.storeItem({ ...content, properties });
        const { time, contentKey, state, summary } = listed;
        await tree.putItem(id, {
          key: listed.id,
          time,
          objectId,
          changeKey: contentKey,
          size: mimeSize,
          state,
          summary,
        });
        items++;
      }
    }
  }
  await reader.close();
  const { root, counts } = await tree.commit();
  await session.flush();
  const at = new Date().toISOString();
  const ref1 = await session.commitPoint({
    ...{
      pointId,
      mailboxIdentity: `graph:t:${ref.userId}`,
      mailboxAddress: ref.address,
      organizationId: 'org-1',
    },
    ...{
      kind: 'full',
      time: at,
      startedAt: at,
      finishedAt: at,
      root,
      cursors: {},
      runId: 'run-1',
      jobId: 'job-1',
    },
    counts: {
      reported: items,
      stored: items,
      folders: counts.folders,
      new: items,
      changed: 0,
      removed: 0,
      bytes: 0,
    },
    gaps: [
      {
        ...{ itemKey: 'lost', folderId: 'inbox', code: 'item-corrupt', reason: 'It is damaged.' },
        ...{ firstSeen: at, lastTried: at, tries: 1, nextTry: at },
      },
    ],
    writerVersion: 'test',
    extra: { gapPlaces: [{ folderPath: '/Inbox', subject: 'Lost' }] },
  });
  await tree.close();
  await repository.close();
  return { pointName: ref1.name, pointId };
}

/** As a backup stores them: the body is one more of the properties. */
const withBody = (properties: JsonObject, body: ListedBody): JsonObject => ({
  ...properties,
  body: JSON.parse(Buffer.from(bodyJson(body)).toString('utf8')),
});
