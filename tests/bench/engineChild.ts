/**
 * The engine in a process of its own, as a worker runs it: `ingest` stores a corpus, `read` reads every message
 * back and compares its SHA-256, `verify` checks all contents. Prints one line of JSON.
 */
import { createHash, hash } from 'node:crypto';
import {
  createRepository,
  openBlobStore,
  openRepository,
  type Repository,
  type WriterSession,
} from '@holdfast/repository';
import { FileReader, listMailboxes, listMessages } from './engineFiles.ts';

const [verb = '', repositoryDir = '', cacheDir = '', corpusDir = ''] = process.argv.slice(2);
const PASSPHRASE = 'a passphrase for the bench';
/** Near a worker's defaults: 8 slots, 6 contents of a mailbox in hand. */
const MAILBOXES_AT_ONCE = 8;
const MESSAGES_AT_ONCE = 8;
const MAILBOXES_READ_AT_ONCE = 4;

const readers: FileReader[] = [];
const started = performance.now();
const before = process.cpuUsage();
const verbs: Record<string, () => Promise<object>> = { create, ingest, read: readBack, verify };
const run = verbs[verb];
if (!run) throw new Error(`unknown verb ${verb}`);
const result = await run();
const cpu = process.cpuUsage(before);
const facts = {
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  systemSeconds: cpu.system / 1e6,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
  ...result,
};
process.stdout.write(`${JSON.stringify(facts)}\n`);

async function create() {
  const store = await openBlobStore({ kind: 'fs', path: repositoryDir });
  return createRepository(store, { passphrase: PASSPHRASE });
}

async function ingest() {
  const store = await openBlobStore({ kind: 'fs', path: repositoryDir });
  const repository = await openRepository(store, {
    secret: { passphrase: PASSPHRASE },
    cacheDir,
    threads: Number(process.env.HOLDFAST_BENCH_THREADS ?? 2),
  });
  const session = await repository.openSession({ writer: 'bench' });
  let messages = 0;
  await inParallel(listMailboxes(corpusDir), MAILBOXES_AT_ONCE, async (mailbox) => {
    const stored = await storeMailbox(session, mailbox);
    messages += stored;
  });
  await repository.close();
  return { messages };
}

async function storeMailbox(session: WriterSession, mailbox: string): Promise<number> {
  const files = listMessages(corpusDir, mailbox);
  const tree = await session.openTree();
  for (const folder of new Set(files.map((file) => file.folder))) {
    await tree.putFolder({ id: folder, parentId: null, name: folder });
  }
  let bytes = 0;
  await inParallel(files, MESSAGES_AT_ONCE, async ({ folder, path }) => {
    const reader = readers.pop() ?? new FileReader();
    const mime = reader.read(path);
    const properties = propertiesOf(mime);
    const stored = await session.storeItem({ properties, mime });
    const size = mime.length;
    bytes += size;
    reader.release();
    readers.push(reader);
    const key = `AAMkAD${hash('sha256', path, 'base64url').repeat(3)}`;
    await tree.putItem(folder, {
      key,
      time: Date.parse(properties.receivedDateTime),
      objectId: stored.objectId,
      changeKey: key.slice(8, 24),
      size,
      state: { isRead: true },
      summary: { subject: properties.subject, from: properties.from },
    });
  });
  const { root, counts } = await tree.commit();
  const now = new Date().toISOString();
  await session.commitPoint({
    pointId: createHash('sha256').update(mailbox).digest('hex').slice(0, 32),
    mailboxIdentity: mailbox,
    mailboxAddress: `${mailbox}@contoso.example`,
    organizationId: 'bench',
    kind: 'full',
    time: now,
    startedAt: now,
    finishedAt: now,
    root,
    cursors: {},
    counts: {
      reported: files.length,
      stored: counts.items,
      folders: counts.folders,
      new: files.length,
      changed: 0,
      removed: 0,
      bytes,
    },
    gaps: [],
    runId: 'bench',
    jobId: 'bench',
    writerVersion: 'bench',
  });
  await tree.close();
  return files.length;
}

/** Properties as a source would give them, without the body: enough to list and to restore state. */
function propertiesOf(mime: Buffer) {
  const end = mime.indexOf('\r\n\r\n');
  const header = `\n${mime.toString('latin1', 0, end < 0 ? mime.length : end)}\r\n`;
  const received = new Date(fieldOf(header, 'Date'));
  return {
    subject: fieldOf(header, 'Subject'),
    from: fieldOf(header, 'From'),
    toRecipients: fieldOf(header, 'To'),
    internetMessageId: fieldOf(header, 'Message-ID'),
    receivedDateTime: (Number.isNaN(received.getTime()) ? new Date(0) : received).toISOString(),
    importance: 'normal',
    isDraft: false,
    inferenceClassification: 'focused',
  };
}

/** The first field of that name, unfolded. */
function fieldOf(header: string, name: string): string {
  const start = header.indexOf(`\n${name}: `);
  if (start < 0) return '';
  let end = header.indexOf('\r\n', start + 1);
  while (header[end + 2] === ' ' || header[end + 2] === '\t') end = header.indexOf('\r\n', end + 2);
  const value = header.slice(start + name.length + 3, end);
  return value.includes('\r') ? value.replaceAll(/\r\n[ \t]+/g, ' ') : value;
}

async function readBack() {
  const repository = await open();
  let messages = 0;
  let bytes = 0;
  const digests: string[] = [];
  const points = [];
  for await (const ref of repository.points()) points.push(ref);
  await inParallel(points, MAILBOXES_READ_AT_ONCE, async (ref) => {
    const { root } = await repository.readPoint(ref);
    const tree = repository.tree(root);
    for (const folder of await tree.folders()) {
      const ids: string[] = [];
      for await (const item of tree.items(folder.id)) ids.push(item.objectId);
      await inParallel(ids, MESSAGES_AT_ONCE, async (id) => {
        const { mime } = await repository.readItem(id);
        if (!mime) throw new Error('a message without MIME');
        // Reading to the end proves the content's SHA-256; the digest is compared with that of the source.
        for await (const piece of mime.open({ lend: true })) bytes += piece.length;
        digests.push(mime.sha256);
        messages++;
      });
    }
  });
  await repository.close();
  const digest = createHash('sha256').update(digests.sort().join()).digest('hex');
  return { messages, bytes, digest };
}

async function verify() {
  const repository = await open();
  const findings: unknown[] = [];
  for await (const finding of repository.verify({ level: 'contents' })) findings.push(finding);
  await repository.close();
  return { findings: findings.length };
}

async function open(): Promise<Repository> {
  const store = await openBlobStore({ kind: 'fs', path: repositoryDir });
  return openRepository(store, { secret: { passphrase: PASSPHRASE }, cacheDir, readOnly: true });
}

async function inParallel<T>(
  values: readonly T[],
  width: number,
  action: (value: T) => Promise<void>,
): Promise<void> {
  const queue = values.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const value of queue) await action(value);
    }),
  );
}
