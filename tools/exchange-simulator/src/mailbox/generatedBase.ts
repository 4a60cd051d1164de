import { type Corpus, isGeneratedRead, unreadCount } from '../corpus/corpus.ts';
import { countInFolder, folderOfIndex, type GeneratedFolder, indexAt, positionOf } from '../corpus/layout.ts';
import { indexOfMessageId, type MessageFacts } from '../corpus/messageFacts.ts';
import { hashText } from '../random.ts';
import { graphDay } from '../timeText.ts';
import type { BaseFolder, FollowupFlag, ItemState, MailboxBase } from './content.ts';
import { GeneratedContent } from './generatedContent.ts';
import { standardFolders } from './standardFolders.ts';

const NUMBERS: Readonly<Record<GeneratedFolder, number>> = { inbox: 1, sent: 2, archive: 101, nested: 102 };
const FOLDER_OF: ReadonlyMap<number, GeneratedFolder> = new Map(
  (Object.keys(NUMBERS) as GeneratedFolder[]).map((folder) => [NUMBERS[folder], folder]),
);
const NOT_FLAGGED: FollowupFlag = { flagStatus: 'notFlagged' };
const NO_EXTENDED: ReadonlyMap<string, string> = new Map();

const CUSTOM: readonly BaseFolder[] = [
  { number: 101, displayName: 'Archiv 2024/25 📁', parent: 0, wellKnownName: null, isHidden: false },
  { number: 102, displayName: 'Kunden & Partner', parent: 101, wellKnownName: null, isHidden: false },
];

/** A flag of generated mail; its dates follow from the time of the message. */
function flagOf(status: FollowupFlag['flagStatus'], receivedAt: number): FollowupFlag {
  if (status === 'notFlagged') return NOT_FLAGGED;
  const at = (days: number) => ({
    dateTime: `${graphDay(receivedAt + days * 86_400_000)}T00:00:00.0000000`,
    timeZone: 'UTC',
  });
  if (status === 'flagged') return { flagStatus: status, startDateTime: at(0), dueDateTime: at(7) };
  return { flagStatus: status, completedDateTime: at(2) };
}

/** The base of mailbox `mailbox` of a corpus: arithmetic only, no memory per message. */
export function generatedBase(
  corpus: Corpus,
  mailbox: number,
  messages: number,
  fewFolders: boolean,
): MailboxBase {
  const folders = [...standardFolders(fewFolders), ...CUSTOM];
  const factsOf = (n: number): MessageFacts => corpus.facts(mailbox, n);
  return {
    folders,
    count: messages,
    folderCount(folder) {
      const kind = FOLDER_OF.get(folder);
      return kind ? countInFolder(kind, messages) : 0;
    },
    unreadCount(folder) {
      const kind = FOLDER_OF.get(folder);
      return kind ? unreadCount(kind, countInFolder(kind, messages)) : 0;
    },
    at: (folder, position) => indexAt(FOLDER_OF.get(folder) ?? 'inbox', position),
    position: positionOf,
    folderOf: (n) => NUMBERS[folderOfIndex(n)],
    receivedAt: (n) => corpus.receivedAt(mailbox, n),
    state: (n) => generatedState(factsOf(n), n),
    content: (n) => new GeneratedContent(factsOf(n)),
    findByMessageId(internetMessageId) {
      const n = indexOfMessageId(internetMessageId);
      if (n === undefined || n >= messages) return [];
      return factsOf(n).internetMessageId === internetMessageId ? [n] : [];
    },
  };
}

function generatedState(facts: MessageFacts, n: number): ItemState {
  return {
    isRead: isGeneratedRead(folderOfIndex(n), positionOf(n)),
    isDraft: false,
    flag: flagOf(facts.flag, facts.receivedAt),
    categories: facts.categories,
    importance: facts.importance,
    inferenceClassification: facts.own % 5 === 0 ? 'other' : 'focused',
    isReadReceiptRequested: false,
    isDeliveryReceiptRequested: false,
    receivedAt: facts.receivedAt,
    createdAt: facts.receivedAt,
    modifiedAt: facts.receivedAt + 1000,
    version: 1,
    extended: NO_EXTENDED,
  };
}

/** State of a message that arrives now. */
export function arrivingState(now: number, importance: ItemState['importance'], isRead: boolean): ItemState {
  return {
    isRead,
    isDraft: false,
    flag: { flagStatus: 'notFlagged' },
    categories: [],
    importance,
    inferenceClassification: 'focused',
    isReadReceiptRequested: false,
    isDeliveryReceiptRequested: false,
    receivedAt: now,
    createdAt: now,
    modifiedAt: now,
    version: 1,
    extended: NO_EXTENDED,
  };
}

/** A base without messages. */
export function emptyBase(fewFolders: boolean): MailboxBase {
  const none = () => {
    throw new RangeError('an empty mailbox has no messages');
  };
  return {
    folders: standardFolders(fewFolders),
    count: 0,
    folderCount: () => 0,
    unreadCount: () => 0,
    at: none,
    position: none,
    folderOf: none,
    receivedAt: none,
    state: none,
    content: none,
    findByMessageId: () => [],
  };
}

/** A seed for choices within one mailbox. */
export const mailboxSeed = (seed: number, guid: string) => hashText(`${seed} ${guid}`);
