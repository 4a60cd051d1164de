import { hashText } from '../random.ts';
import { mimeBytes } from './generatedMime.ts';
import { folderOfIndex, type GeneratedFolder, positionOf } from './layout.ts';
import {
  type FlagStatus,
  type MessageFacts,
  messageFacts,
  ownHash,
  receivedAtOf,
  spacingOf,
} from './messageFacts.ts';
import { mailboxOwner } from './people.ts';

/** Settings of a generated corpus; the same settings give the same bytes in any process. */
export interface CorpusOptions {
  readonly seed: number;
  readonly mailboxes: number;
  readonly messagesPerMailbox: number;
  /** `standard`: median 20 KB, a tenth with files. `small`: one to three KB, no files. Default `standard`. */
  readonly profile?: 'standard' | 'small';
  /** Mail domain of the mailboxes. Default `contoso.example`. */
  readonly domain?: string;
  /** Time of the newest message, in ms since 1970. Default 2026-01-01. */
  readonly newest?: number;
  /** Adds a file of this many MB to message 0 of mailbox 0. Default none. */
  readonly largeAttachmentMb?: number;
}

/** What is known of a generated message without its bytes. */
export interface MessageMeta {
  readonly folder: GeneratedFolder;
  readonly internetMessageId: string;
  readonly subject: string;
  readonly receivedDateTime: Date;
  readonly sentDateTime: Date;
  readonly isRead: boolean;
  readonly flag: FlagStatus;
  readonly categories: readonly string[];
  readonly importance: 'low' | 'normal' | 'high';
  /** Number of the mailbox that holds the original, where this message is a copy. */
  readonly copyOf?: number;
}

/** A generated corpus. Every call computes; kept in memory is only what the last messages are made of. */
export interface Corpus {
  readonly options: Required<Omit<CorpusOptions, 'largeAttachmentMb'>> & {
    readonly largeAttachmentMb: number;
  };
  /** The message's bytes (RFC 5322, CRLF). A large attachment is built whole: use only where it fits. */
  mime(mailbox: number, index: number): Buffer;
  meta(mailbox: number, index: number): MessageMeta;
  facts(mailbox: number, index: number): MessageFacts;
  /** When a message arrived, ms since 1970, without computing the rest. */
  receivedAt(mailbox: number, index: number): number;
  /** Address of the mailbox's owner. */
  address(mailbox: number): string;
}

/** Pages of messages are listed, of some dozen mailboxes at a time, then each message is asked for: some 8 MB. */
const factsKept = 8192;
const mostIndexes = 2 ** 24;

/** Fills in defaults and returns a corpus. Throws RangeError for counts that are negative or not whole. */
export function createCorpus(options: CorpusOptions): Corpus {
  for (const [name, value] of Object.entries({
    mailboxes: options.mailboxes,
    messagesPerMailbox: options.messagesPerMailbox,
  })) {
    if (!Number.isInteger(value) || value < 0)
      throw new RangeError(`${name} must be a whole number, got ${value}`);
  }
  const full = {
    profile: 'standard' as const,
    domain: 'contoso.example',
    newest: Date.UTC(2026, 0, 1),
    largeAttachmentMb: 0,
    ...options,
  };
  const base = hashText(`corpus ${full.seed}`);
  const spacing = spacingOf(full.messagesPerMailbox);
  const last = new Map<number, MessageFacts>();
  const facts = (mailbox: number, index: number): MessageFacts => {
    const key = mailbox * mostIndexes + index;
    const known = last.get(key);
    if (known !== undefined) return known;
    const computed = messageFacts(full, base, mailbox, index);
    last.set(key, computed);
    const [oldest] = last.keys();
    if (last.size > factsKept && oldest !== undefined) last.delete(oldest);
    return computed;
  };
  return {
    options: full,
    facts,
    receivedAt: (mailbox, index) => receivedAtOf(full.newest, spacing, ownHash(base, mailbox, index), index),
    mime: (mailbox, index) => mimeBytes(facts(mailbox, index)),
    meta: (mailbox, index) => metaOf(facts(mailbox, index), mailbox, index),
    address: (mailbox) => mailboxOwner(mailbox, full.domain).address,
  };
}

/** Generated read state: the first 300 messages of an inbox hold some unread ones, in a closed form. */
export function isGeneratedRead(folder: GeneratedFolder, position: number): boolean {
  return !(folder === 'inbox' && position < 300 && position % 4 === 0);
}

/** Number of unread messages among the first `count` positions of a folder; agrees with isGeneratedRead. */
export function unreadCount(folder: GeneratedFolder, count: number): number {
  return folder === 'inbox' ? Math.ceil(Math.min(count, 300) / 4) : 0;
}

function metaOf(facts: MessageFacts, mailbox: number, index: number): MessageMeta {
  const folder = folderOfIndex(index);
  return {
    folder,
    internetMessageId: facts.internetMessageId,
    subject: facts.subject,
    receivedDateTime: new Date(facts.receivedAt),
    sentDateTime: new Date(facts.sentAt),
    isRead: isGeneratedRead(folder, positionOf(index)),
    flag: facts.flag,
    categories: facts.categories,
    importance: facts.importance,
    ...(facts.contentMailbox === mailbox ? {} : { copyOf: facts.contentMailbox }),
  };
}
