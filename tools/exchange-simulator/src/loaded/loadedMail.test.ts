import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TENANT } from '../options.ts';
import { openSession, walkDelta } from '../testing/session.ts';
import { findMail, readMail } from './mailFiles.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loaded-mail-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mail = (subject: string, date: string) =>
  `From: a@b.example\r\nSubject: ${subject}\r\nDate: ${date}\r\nMessage-ID: <${subject}@b.example>\r\n\r\nbody of ${subject}\r\n`;
const tenants = (path: string, mailboxes: number) => [
  {
    tenantId: DEFAULT_TENANT,
    applications: [{ clientId: DEFAULT_CLIENT, secrets: [{ value: DEFAULT_SECRET }] }],
    fill: { mailboxes, mail: path },
  },
];

describe('finding mail', () => {
  test('in .eml files at any depth, a Maildir and an mbox', () => {
    const root = join(folder, 'mixed');
    mkdirSync(join(root, 'deep/er'), { recursive: true });
    mkdirSync(join(root, 'Maildir/cur'), { recursive: true });
    writeFileSync(join(root, 'deep/er/one.eml'), mail('one', 'Sat, 01 Mar 2025 09:30:00 +0000'));
    writeFileSync(join(root, 'Maildir/cur/1.host:2,S'), mail('two', 'Sat, 01 Mar 2025 09:31:00 +0000'));
    writeFileSync(join(root, 'notes.txt'), 'not mail');
    writeFileSync(join(root, 'empty.eml'), '');
    const files = findMail(root);
    expect(files.map((file) => readMail(file).toString().slice(0, 30))).toEqual([
      mail('two', '').slice(0, 30),
      mail('one', '').slice(0, 30),
    ]);
  });

  test('an mbox is cut at its From lines, each message exact', () => {
    const path = join(folder, 'box');
    const messages = [
      'From: a@b.example\nSubject: 1\n\n>From here on\ntext\n',
      'From: a@b.example\nSubject: 2\n\nlast line without end',
    ];
    writeFileSync(
      path,
      `From a@b.example Sat Mar  1 09:30:00 2025\n${messages[0]}\nFrom a@b.example Sat Mar  1 09:31:00 2025\n${messages[1]}`,
    );
    expect(findMail(path).map((file) => readMail(file).toString())).toEqual(messages);
  });
});

describe('a tenant with loaded mail', () => {
  test('serves the very bytes, spread over mailboxes and folders, newest first', async () => {
    const path = join(folder, 'many');
    mkdirSync(path);
    for (let at = 0; at < 30; at++)
      writeFileSync(join(path, `${at}.eml`), mail(`s${at}`, `Sat, ${1 + (at % 28)} Mar 2025 09:30:00 +0000`));
    const session = await openSession({ tenants: tenants(path, 3) });
    try {
      const subjects = new Set<string>();
      for (const user of session.users) {
        const { messages } = await session.control.snapshot(user);
        expect(messages).toHaveLength(10);
        for (const message of messages) {
          subjects.add(message.subject);
          const served = await session.get(`/users/${user}/messages/${message.id}/$value`);
          expect(served.bytes.equals(readFileSync(join(path, `${message.subject.slice(1)}.eml`)))).toBe(true);
        }
        const inbox = await session.get(`/users/${user}/mailFolders/inbox/messages?$select=receivedDateTime`);
        const times = inbox.json.value.map((one: { receivedDateTime: string }) => one.receivedDateTime);
        expect(times).toEqual([...times].sort().reverse());
        expect(
          (
            await session.get(
              `/users/${user}/messages?$filter=internetMessageId eq '${messages[0]!.internetMessageId}'`,
            )
          ).json.value,
        ).toHaveLength(1);
      }
      expect(subjects.size).toBe(30);
    } finally {
      await session.close();
    }
  });

  test('survives the nastiest mail there is at hand', async () => {
    const shared = process.env.HOLDFAST_SHARED ?? resolve(import.meta.dirname, '../../../../../shared');
    const source = join(shared, 'mail-corpus');
    if (!existsSync(source)) {
      console.warn(`skipped: there is no mail corpus at ${source}`);
      return;
    }
    const path = join(folder, 'corpus');
    cpSync(source, path, { recursive: true });
    const files = findMail(path);
    expect(files.length).toBeGreaterThan(100);
    const session = await openSession({ tenants: tenants(path, 2) });
    try {
      let seen = 0;
      for (const user of session.users) {
        for (const place of ['inbox', 'sentitems'])
          await walkDelta(
            session,
            `/users/${user}/mailFolders/${place}/messages/delta?$select=subject,body,from,internetMessageHeaders`,
          );
        for (const message of (await session.control.snapshot(user)).messages) {
          seen++;
          const read = await session.get(`/users/${user}/messages/${message.id}?$expand=attachments`);
          expect(read.status).toBe(200);
          for (const one of read.json.attachments) {
            expect(one.name).not.toBe('');
            expect(
              (await session.get(`/users/${user}/messages/${message.id}/attachments/${one.id}/$value`))
                .status,
            ).toBe(200);
          }
          expect((await session.get(`/users/${user}/messages/${message.id}/$value`)).bytes.length).toBe(
            message.mimeSize,
          );
        }
      }
      expect(seen).toBe(files.length);
    } finally {
      await session.close();
    }
  }, 60_000);
});
