import { closeSync, openSync, readSync } from 'node:fs';
import type { BaseFolder, ItemState, MailboxBase } from '../mailbox/content.ts';
import { arrivingState } from '../mailbox/generatedBase.ts';
import { headerLines } from '../mailbox/headerLines.ts';
import { MimeContent } from '../mailbox/mimeContent.ts';
import { standardFolders } from '../mailbox/standardFolders.ts';
import { findMail, type MailFile, readMail } from './mailFiles.ts';

interface Entry {
  readonly file: MailFile;
  readonly receivedAt: number;
  readonly messageId: string | undefined;
}

const FOLDERS = [1, 2, 101, 102] as const;
const CUSTOM: readonly BaseFolder[] = [
  { number: 101, displayName: 'Loaded/Mail 📬', parent: 0, wellKnownName: null, isHidden: false },
  { number: 102, displayName: 'Nested', parent: 101, wellKnownName: null, isHidden: false },
];
const HEADER_BYTES = 64 * 1024;
const EARLIEST = Date.UTC(1990, 0, 1);

/** Mail from files, spread over mailboxes: positions of the bytes are kept, the bytes are not. */
export interface LoadedMail {
  readonly count: number;
  /** Mailbox `index` of `mailboxes`: every message lies in exactly one of them. */
  base(index: number, mailboxes: number): MailboxBase;
}

function readHead(file: MailFile): Buffer {
  const out = Buffer.alloc(Math.min(HEADER_BYTES, file.length));
  const descriptor = openSync(file.path, 'r');
  try {
    return out.subarray(0, readSync(descriptor, out, 0, out.length, file.offset));
  } finally {
    closeSync(descriptor);
  }
}

function entryOf(file: MailFile, number: number, newest: number): Entry {
  const lines = headerLines(readHead(file));
  const value = (name: string) => lines.find((line) => line.name.toLowerCase() === name)?.value;
  const date = Date.parse(value('date') ?? '');
  const usable = !Number.isNaN(date) && date > EARLIEST && date <= newest;
  return {
    file,
    receivedAt: Math.floor((usable ? date : newest - (number + 1) * 60_000) / 1000) * 1000,
    messageId: value('message-id'),
  };
}

/** Loads mail from a folder, Maildir, mbox or .eml. Throws RangeError when there is none. */
export function loadMail(path: string, newest: number = Date.UTC(2026, 0, 1)): LoadedMail {
  const entries = findMail(path).map((file, number) => entryOf(file, number, newest));
  if (entries.length === 0) throw new RangeError(`there is no mail below ${path}`);
  return {
    count: entries.length,
    base: (index, mailboxes) => loadedBase(entries.filter((_, number) => number % mailboxes === index)),
  };
}

function loadedBase(entries: readonly Entry[]): MailboxBase {
  const sorted = [...entries].sort((a, b) => b.receivedAt - a.receivedAt);
  const at = (n: number): Entry => {
    const entry = sorted[n];
    if (!entry) throw new RangeError(`no loaded message ${n}`);
    return entry;
  };
  const inFolder = (folder: number) => FOLDERS.indexOf(folder as (typeof FOLDERS)[number]);
  return {
    folders: [...standardFolders(false), ...CUSTOM],
    count: sorted.length,
    folderCount: (folder) =>
      inFolder(folder) < 0 ? 0 : Math.ceil((sorted.length - inFolder(folder)) / FOLDERS.length),
    unreadCount: () => 0,
    at: (folder, position) => position * FOLDERS.length + inFolder(folder),
    position: (n) => Math.floor(n / FOLDERS.length),
    folderOf: (n) => FOLDERS[n % FOLDERS.length] ?? 1,
    receivedAt: (n) => at(n).receivedAt,
    state: (n) => loadedState(at(n), n),
    content: (n) => new MimeContent(() => readMail(at(n).file)),
    findByMessageId: (id) => sorted.flatMap((entry, n) => (entry.messageId === id ? [n] : [])),
  };
}

function loadedState(entry: Entry, n: number): ItemState {
  return {
    ...arrivingState(entry.receivedAt, 'normal', true),
    categories: n % 11 === 0 ? ['Blue category'] : [],
    flag: n % 13 === 0 ? { flagStatus: 'flagged' } : { flagStatus: 'notFlagged' },
  };
}
