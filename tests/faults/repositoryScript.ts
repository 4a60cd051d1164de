import { createHash } from 'node:crypto';
import type { BlobStore, Repository, WriterSession } from '@holdfast/repository';
import { pointInput, reopen } from '@holdfast/repository/testing';

/** What a mailbox holds at a time: folder → item key → message. */
export type MailboxState = Map<string, Map<string, Buffer>>;

/** One restore point of the script. */
export interface ScriptStep {
  pointId: string;
  mailbox: string;
  kind: 'full' | 'checkpoint';
  time: string;
  state: MailboxState;
}

/**
 * Two mailboxes with a shared attachment: a checkpoint and a full point of the first, a full point of the second,
 * a delta of the first with a new, a changed and a removed message and a second folder.
 */
export const script = once(makeScript);

function makeScript(): ScriptStep[] {
  const shared = attachment('shared', 6000);
  const inbox = new Map(
    [1, 2, 3, 4, 5, 6].map((n) => [`a-${n}`, message(`A${n}`, n === 2 ? shared : undefined)]),
  );
  const half = new Map([...inbox].slice(0, 3));
  const second = new Map([
    ['b-1', message('B1', shared)],
    ['b-2', message('B2', attachment('large', 40_000))],
  ]);
  const changed = new Map(inbox);
  changed.delete('a-3');
  changed.set('a-4', message('A4 changed'));
  changed.set('a-7', message('A7', shared));
  const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  return [
    {
      pointId: id('1'),
      mailbox: 'ann',
      kind: 'checkpoint',
      time: time(0),
      state: new Map([['inbox', half]]),
    },
    { pointId: id('2'), mailbox: 'ann', kind: 'full', time: time(1), state: new Map([['inbox', inbox]]) },
    { pointId: id('3'), mailbox: 'bob', kind: 'full', time: time(2), state: new Map([['inbox', second]]) },
    {
      pointId: id('4'),
      mailbox: 'ann',
      kind: 'full',
      time: time(3),
      state: new Map([
        ['inbox', changed],
        ['archive', new Map([['x-1', message('X1')]])],
      ]),
    },
  ];
}

/** Runs the whole script, or what is left of it: a step whose point is there is not done again. */
export async function runScript(store: BlobStore, cacheDir: string): Promise<void> {
  const repository = await reopen(store, { cacheDir });
  try {
    const session = await repository.openSession({ writer: 'script' });
    for (const step of script()) await runStep(repository, session, step);
  } finally {
    await repository.close();
  }
}

async function runStep(repository: Repository, session: WriterSession, step: ScriptStep): Promise<void> {
  let base: string | undefined;
  for await (const ref of repository.points({ mailboxKey: repository.mailboxKey(step.mailbox) })) {
    if (ref.pointId === step.pointId && ref.kind === step.kind) return;
    base = (await repository.readPoint(ref)).root;
  }
  const tree = await session.openTree(base);
  try {
    for (const [folder, messages] of step.state) {
      await tree.putFolder({ id: folder, parentId: null, name: folder });
      const known = new Map<string, string>();
      for await (const item of tree.items(folder)) known.set(item.key, item.changeKey);
      for (const key of known.keys()) if (!messages.has(key)) await tree.removeItem(folder, key);
      for (const [key, mime] of messages) {
        const changeKey = createHash('sha256').update(mime).digest('hex');
        if (known.get(key) === changeKey) continue;
        const { objectId } = await session.storeItem({ properties: { key }, mime });
        await tree.putItem(folder, {
          key,
          time: 1000,
          objectId,
          changeKey,
          size: mime.length,
          state: {},
          summary: {},
        });
      }
    }
    const { root } = await tree.commit();
    const { kind, mailbox, pointId, time } = step;
    await session.commitPoint(pointInput({ pointId, root, kind, time, mailboxIdentity: mailbox }));
  } finally {
    await tree.close();
  }
}

/** The SHA-256 of each message: comparing bytes one by one is what a test runner is slowest at. */
export function digestsOf(state: MailboxState): Record<string, Record<string, string>> {
  const folders = [...state].map(([folder, messages]) => {
    const items = [...messages].map(([key, mime]) => [key, createHash('sha256').update(mime).digest('hex')]);
    return [folder, Object.fromEntries(items)];
  });
  return Object.fromEntries(folders);
}

/** What a stored point holds, read back byte for byte. */
export async function stateOf(repository: Repository, root: string): Promise<MailboxState> {
  const state: MailboxState = new Map();
  const tree = repository.tree(root);
  for (const folder of await tree.folders()) {
    const messages = new Map<string, Buffer>();
    for await (const item of tree.items(folder.id)) {
      const { mime } = await repository.readItem(item.objectId);
      const pieces: Uint8Array[] = [];
      for await (const piece of mime?.open() ?? []) pieces.push(piece);
      messages.set(item.key, Buffer.concat(pieces));
    }
    state.set(folder.id, messages);
  }
  return state;
}

function id(digit: string): string {
  return digit.repeat(16);
}

function message(subject: string, file?: Buffer): Buffer {
  const header = `From: ann@example.com\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\n`;
  const text = `This is ${subject}. `.repeat(20);
  if (!file) return Buffer.from(`${header}Content-Type: text/plain\r\n\r\n${text}\r\n`);
  const encoded = file.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  return Buffer.from(
    `${header}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n${text}\r\n` +
      `--b\r\nContent-Type: application/pdf; name="f.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n--b--\r\n`,
  );
}

/** Bytes that do not shrink, the same for the same name. */
function attachment(name: string, size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at * 32 < size; at++) blocks.push(createHash('sha256').update(`${name} ${at}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
