import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Corpus } from '@holdfast/exchange-simulator';

const run = promisify(execFile);
const programs = { dovecot: '/usr/sbin/dovecot', mbsync: '/usr/bin/mbsync', restic: '/usr/bin/restic' };

/** Numeric ids of Debian's user and group `mail`: dovecot refuses to serve mail as root. */
const mailUser = 8;

/** Why the chain cannot run here, or undefined. */
export function mailChainMissing(): string | undefined {
  const missing = Object.entries(programs).filter(([, path]) => !existsSync(path));
  if (missing.length > 0) return `not installed: ${missing.map(([name]) => name).join(', ')}`;
  return process.getuid?.() === 0 ? undefined : 'dovecot needs root to serve several users';
}

const folderNames: Record<string, string> = {
  inbox: '',
  sent: '.Sent',
  archive: '.Archive',
  nested: '.Archive.Projects',
};

/** Writes the corpus as Maildirs, one a mailbox with its four folders, owned by the mail user. */
export function writeMaildirs(corpus: Corpus, root: string): void {
  const { mailboxes, messagesPerMailbox } = corpus.options;
  for (let mailbox = 0; mailbox < mailboxes; mailbox++) {
    const home = join(root, `user${mailbox}`);
    for (const name of Object.values(folderNames)) {
      for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(home, name, part), { recursive: true });
      if (name !== '') writeFileSync(join(home, name, 'maildirfolder'), '');
    }
    for (let index = 0; index < messagesPerMailbox; index++) {
      const meta = corpus.meta(mailbox, index);
      const bytes = corpus.mime(mailbox, index);
      const seconds = Math.floor(meta.receivedDateTime.getTime() / 1000);
      const file = `${seconds}.M${index}.holdfast,S=${bytes.length}:2,${meta.isRead ? 'S' : ''}`;
      writeFileSync(join(home, folderNames[meta.folder] ?? '', 'cur', file), bytes);
    }
  }
}

async function giveToMailUser(root: string): Promise<void> {
  chownSync(root, mailUser, mailUser);
  await run('chown', ['-R', `${mailUser}:${mailUser}`, root]);
}

/** A dovecot with plain IMAP on this machine, and an mbsync configuration that pulls every mailbox. */
export interface MailChain {
  /** Pulls everything (or what is new) into the near side; mbsync's defaults, fsync on. */
  mbsync(): Promise<void>;
  /** `restic backup` of the near side. */
  resticBackup(): Promise<void>;
  /** Forgets the near side and the restic repository. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the chain over Maildirs made by `writeMaildirs`. `work` is a folder of its own that is emptied. */
export async function startMailChain(
  maildirs: string,
  work: string,
  mailboxes: number,
  port: number,
): Promise<MailChain> {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  await giveToMailUser(maildirs);
  const near = join(work, 'near');
  const repo = join(work, 'restic');
  writeFileSync(join(work, 'dovecot.conf'), dovecotConfig(maildirs, work, port));
  writeFileSync(join(work, 'mbsyncrc'), mbsyncConfig(near, mailboxes, port));
  const dovecot = spawn(programs.dovecot, ['-F', '-c', join(work, 'dovecot.conf')], { stdio: 'ignore' });
  await waitForPort(port, dovecot);
  const resticEnv = {
    ...process.env,
    RESTIC_PASSWORD: 'benchmark',
    RESTIC_CACHE_DIR: join(work, 'restic-cache'),
  };
  const restic = (...args: string[]) => run(programs.restic, ['-q', '-r', repo, ...args], { env: resticEnv });
  const reset = async () => {
    for (const folder of [near, repo, join(work, 'restic-cache')])
      rmSync(folder, { recursive: true, force: true });
    for (let n = 0; n < mailboxes; n++) mkdirSync(join(near, `user${n}`), { recursive: true });
    await restic('init');
  };
  await reset();
  return {
    mbsync: async () => {
      await run(programs.mbsync, ['-q', '-c', join(work, 'mbsyncrc'), '-a'], { maxBuffer: 1 << 26 });
    },
    resticBackup: async () => {
      await restic('backup', near);
    },
    reset,
    stop: async () => {
      const gone = new Promise((resolve) => dovecot.once('exit', resolve));
      dovecot.kill('SIGTERM');
      await gone;
    },
  };
}

async function waitForPort(port: number, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (server.exitCode !== null) throw new Error(`dovecot ended with ${server.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('dovecot does not answer');
}

const dovecotConfig = (maildirs: string, work: string, port: number) => `
base_dir = ${work}/run
state_dir = ${work}/state
log_path = ${work}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_max_userip_connections = 1000
mail_location = maildir:${maildirs}/%u
passdb {
  driver = static
  args = password=benchmark
}
userdb {
  driver = static
  args = uid=${mailUser} gid=${mailUser} home=${maildirs}/%u
}
namespace inbox {
  inbox = yes
  separator = .
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
`;

const mbsyncConfig = (near: string, mailboxes: number, port: number) =>
  Array.from(
    { length: mailboxes },
    (_, n) => `
IMAPStore far${n}
Host 127.0.0.1
Port ${port}
User user${n}
Pass benchmark
SSLType None
AuthMechs LOGIN

MaildirStore near${n}
Path ${near}/user${n}/
Inbox ${near}/user${n}/INBOX
SubFolders Verbatim

Channel mailbox${n}
Far :far${n}:
Near :near${n}:
Patterns *
Sync Pull
Create Near
SyncState *
`,
  ).join('\n');
