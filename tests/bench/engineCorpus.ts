import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCorpus } from '@holdfast/exchange-simulator';

/** A folder of messages: `<mailbox>/<folder>/<number>.eml`, with what is known of them in `corpus.json`. */
export interface CorpusFacts {
  messages: number;
  mailboxes: number;
  bytes: number;
  /** SHA-256 over the sorted hex SHA-256 of all messages, joined by commas. */
  identity: string;
}

/** Writes a generated corpus unless the folder has it already. */
export async function writeCorpus(
  folder: string,
  { mailboxes, messagesPerMailbox, seed }: { mailboxes: number; messagesPerMailbox: number; seed: number },
): Promise<CorpusFacts> {
  const facts = join(folder, 'corpus.json');
  if (existsSync(facts)) return JSON.parse(await readFile(facts, 'utf8'));
  const corpus = createCorpus({ seed, mailboxes, messagesPerMailbox });
  const total = { messages: 0, mailboxes, bytes: 0, identity: '' };
  const digests: string[] = [];
  for (let mailbox = 0; mailbox < mailboxes; mailbox++) {
    for (let index = 0; index < messagesPerMailbox; index++) {
      const bytes = corpus.mime(mailbox, index);
      const place = join(
        folder,
        'mail',
        String(mailbox).padStart(4, '0'),
        corpus.meta(mailbox, index).folder,
      );
      await mkdir(place, { recursive: true });
      await writeFile(join(place, `${String(index).padStart(6, '0')}.eml`), bytes);
      digests.push(createHash('sha256').update(bytes).digest('hex'));
      total.messages++;
      total.bytes += bytes.length;
    }
  }
  total.identity = createHash('sha256').update(digests.sort().join()).digest('hex');
  await writeFile(`${facts}.new`, JSON.stringify(total));
  await rename(`${facts}.new`, facts);
  return total;
}
