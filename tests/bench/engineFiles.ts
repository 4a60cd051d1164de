import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The messages of each mailbox: paths relative to the folder, in order. */
export async function listCorpus(
  folder: string,
): Promise<{ mailbox: string; files: { folder: string; path: string }[] }[]> {
  const root = join(folder, 'mail');
  const mailboxes: { mailbox: string; files: { folder: string; path: string }[] }[] = [];
  for (const mailbox of (await readdir(root)).sort()) {
    const files: { folder: string; path: string }[] = [];
    for (const inside of (await readdir(join(root, mailbox))).sort()) {
      for (const name of (await readdir(join(root, mailbox, inside))).sort()) {
        files.push({ folder: inside, path: join(root, mailbox, inside, name) });
      }
    }
    mailboxes.push({ mailbox, files });
  }
  return mailboxes;
}
