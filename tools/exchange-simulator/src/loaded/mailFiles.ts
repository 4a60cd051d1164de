import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where one message's bytes lie. */
export interface MailFile {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** Reads the very bytes of a message. */
export function readMail(file: MailFile): Buffer {
  const out = Buffer.allocUnsafe(file.length);
  const descriptor = openSync(file.path, 'r');
  try {
    let got = 0;
    while (got < file.length) {
      const count = readSync(descriptor, out, got, file.length - got, file.offset + got);
      if (count === 0) throw new Error(`${file.path} became shorter while it was served`);
      got += count;
    }
  } finally {
    closeSync(descriptor);
  }
  return out;
}

const isMaildirFolder = (path: string) => ['cur', 'new'].includes(basename(path));

/**
 * Finds the messages below a path: a folder is searched for .eml files and for the `cur` and `new` folders of a
 * Maildir; a file that begins with `From ` is an mbox, another one is a message. Order: by path, so it is stable.
 */
export function findMail(path: string): MailFile[] {
  const stat = statSync(path);
  if (stat.isFile()) return filesIn(path, stat.size);
  const found: MailFile[] = [];
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) found.push(...findMail(child));
    else if (/\.(eml|mbox)$/i.test(entry.name) || isMaildirFolder(path))
      found.push(...filesIn(child, statSync(child).size));
  }
  return found;
}

function filesIn(path: string, size: number): MailFile[] {
  const isMbox = /\.mbox$/i.test(path) || startsWithFrom(path);
  if (isMbox) return mboxMessages(path);
  return size > 0 ? [{ path, offset: 0, length: size }] : [];
}

function startsWithFrom(path: string): boolean {
  const descriptor = openSync(path, 'r');
  try {
    const start = Buffer.alloc(5);
    return (
      readSync(descriptor, start, 0, 5, 0) === 5 &&
      start.toString('latin1') === 'From ' &&
      !/\.eml$/i.test(path)
    );
  } finally {
    closeSync(descriptor);
  }
}

/** The messages of an mbox file: each from behind its `From ` line to before the next; `>From ` stays as it is. */
function mboxMessages(path: string): MailFile[] {
  const bytes = readFileSync(path);
  const found: MailFile[] = [];
  let start = bytes.toString('latin1', 0, 5) === 'From ' ? 0 : -1;
  while (start >= 0) {
    const lineEnd = bytes.indexOf(10, start);
    if (lineEnd < 0) break;
    const next = bytes.indexOf('\nFrom ', lineEnd);
    let end = next < 0 ? bytes.length : next + 1;
    // The empty line before the next From line belongs to the file format.
    if (next >= 0 && bytes[end - 2] === 10) end -= 1;
    else if (next >= 0 && bytes.toString('latin1', end - 4, end) === '\r\n\r\n') end -= 2;
    if (end > lineEnd + 1) found.push({ path, offset: lineEnd + 1, length: end - lineEnd - 1 });
    start = next < 0 ? -1 : next + 1;
  }
  return found;
}
