import { createHash } from 'node:crypto';
import { mailboxIdentityOf } from '@holdfast/contracts';
import type { SimulatorControl } from '@holdfast/exchange-simulator';
import { openBlobStore, openRepository, type Repository } from '@holdfast/repository';

/** A message of the source as it must be in the repository. */
export interface ExpectedMessage {
  id: string;
  folderId: string;
  subject: string;
  mimeSha256: string;
}

/** What the source has now, mailbox by mailbox; without Recoverable Items, which a backup leaves out. */
export async function expectedOf(control: SimulatorControl, user: string): Promise<ExpectedMessage[]> {
  const folders = new Map((await control.folders(user)).map((folder) => [folder.id, folder]));
  const expected: ExpectedMessage[] = [];
  for await (const { id, folderId, subject, mimeSha256 } of control.messages(user)) {
    if (folders.get(folderId)?.wellKnownName?.startsWith('recoverableitems')) continue;
    expected.push({ id, folderId, subject, mimeSha256 });
  }
  return expected;
}

export interface RepositoryComparison {
  messages: number;
  bytes: number;
  /** Sentences, one for each message that is missing, too many, elsewhere or not the same bytes. */
  differences: string[];
}

async function* newestItems(repository: Repository, mailboxKey: string) {
  let newest: string | undefined;
  for await (const point of repository.points({ mailboxKey, kinds: ['full'] })) newest = point.name;
  if (newest === undefined) return;
  const tree = repository.tree((await repository.readPoint(newest)).root);
  for (const folder of await tree.folders()) {
    for await (const item of tree.items(folder.id)) yield { folderId: folder.id, item };
  }
}

/**
 * Reads every message of the newest restore point of each mailbox with nothing but the repository and its
 * passphrase, and compares bytes, folder and number with what the source served.
 */
export async function compareRepository(
  place: { path: string; passphrase: string; cacheDir: string },
  tenantId: string,
  expected: ReadonlyMap<string, readonly ExpectedMessage[]>,
  onMessage: () => void = () => undefined,
): Promise<RepositoryComparison> {
  const store = await openBlobStore({ kind: 'fs', path: place.path });
  const repository = await openRepository(store, {
    secret: { passphrase: place.passphrase },
    cacheDir: place.cacheDir,
    readOnly: true,
    threads: 0,
  });
  const result: RepositoryComparison = { messages: 0, bytes: 0, differences: [] };
  try {
    for (const [userId, messages] of expected) {
      const left = new Map(messages.map((message) => [message.id, message]));
      const mailboxKey = repository.mailboxKey(mailboxIdentityOf(tenantId, userId));
      for await (const { folderId, item } of newestItems(repository, mailboxKey)) {
        const wanted = left.get(item.key);
        left.delete(item.key);
        const hash = createHash('sha256');
        for await (const chunk of (await repository.readItem(item.objectId)).mime?.open() ?? []) {
          hash.update(chunk);
          result.bytes += chunk.length;
        }
        result.messages += 1;
        onMessage();
        const name = `${userId}: "${String(item.summary.subject)}"`;
        if (wanted === undefined) result.differences.push(`${name} is stored twice or not at the source`);
        else if (wanted.folderId !== folderId) result.differences.push(`${name} is in another folder`);
        else if (wanted.mimeSha256 !== hash.digest('hex')) result.differences.push(`${name} has other bytes`);
      }
      for (const missing of left.values())
        result.differences.push(`${userId}: "${missing.subject}" is not stored`);
    }
  } finally {
    await repository.close();
    await store.close();
  }
  return result;
}
