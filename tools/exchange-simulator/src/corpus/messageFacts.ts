import { mix, Random } from '../random.ts';
import { folderOfIndex } from './layout.ts';
import { mailboxOwner, type Person, partner } from './people.ts';
import { asciiText, type TextPool, unicodeText } from './textPool.ts';

/** Follow-up state of a message, as Graph names it. */
export type FlagStatus = 'notFlagged' | 'flagged' | 'complete';

/** A file attached to a generated message; its bytes follow from key and size (attachmentPool). */
export interface GeneratedFile {
  readonly key: number;
  readonly size: number;
  readonly name: string;
  readonly contentType: string;
  /** Set on images shown in the body. */
  readonly contentId?: string;
}

/** Everything that decides a generated message; bytes and JSON are both computed from it. */
export interface MessageFacts {
  /** The mailbox whose message this is a copy of, or the mailbox itself. */
  readonly contentMailbox: number;
  readonly index: number;
  /** Hash of the content: equal for a message and its copies. */
  readonly key: number;
  /** Hash of this mailbox's instance: decides transport headers and state. */
  readonly own: number;
  readonly owner: Person;
  readonly from: Person;
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly subject: string;
  readonly internetMessageId: string;
  readonly inReplyTo?: string;
  readonly conversation: number;
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly parts: 'text' | 'html' | 'alternative';
  readonly pool: TextPool;
  readonly firstParagraph: number;
  readonly lastParagraph: number;
  readonly inlineImage?: GeneratedFile;
  readonly files: readonly GeneratedFile[];
  /** Whether a message is attached to the message. */
  readonly embedded: boolean;
  readonly importance: 'low' | 'normal' | 'high';
  readonly flag: FlagStatus;
  readonly categories: readonly string[];
  readonly small: boolean;
}

interface FactsOptions {
  readonly mailboxes: number;
  readonly messagesPerMailbox: number;
  readonly profile: 'standard' | 'small';
  readonly domain: string;
  readonly newest: number;
  readonly largeAttachmentMb: number;
}

const COPY_SHARE = 0.24; // of what is not in Sent Items (four fifths): 19 % of all
const SUBJECTS = [
  'Quarterly figures',
  'Meeting notes',
  'Offer',
  'Invoice',
  'Travel plan',
  'Release checklist',
  'Straßenfest – Ablauf',
  'Budget 2026',
  'Re: contract draft',
  '会議の議事録',
  'Lunch? 🍜',
  'Project 🚀 status',
  'Réunion d’équipe',
  'Support case',
  'Delivery note',
  'Your order',
  'Weekly report',
  'Zusammenfassung Größen & Maße',
  'Action required',
  'Newsletter',
];
const FILE_KINDS = [
  ['report', 'pdf', 'application/pdf'],
  ['Angebot für Müller', 'docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['figures', 'xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['archive', 'zip', 'application/zip'],
  ['photo', 'jpg', 'image/jpeg'],
] as const;
const CATEGORIES = [
  ['Blue category'],
  ['Red category', 'Customer'],
  ['Größe 📏'],
  ['Green category'],
] as const;

/** Sizes by quantile of a log-normal distribution: median 20 KB, sigma 0.55, cut at 3 and 200 KB. */
const SIZES = Uint32Array.from({ length: 1024 }, (_, index) => {
  const p = (index + 0.5) / 1024;
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  // Abramowitz and Stegun 26.2.23: the normal quantile to 4.5e-4.
  const z =
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
  return Math.min(200_000, Math.max(3_000, 20_480 * Math.exp(0.55 * (p < 0.5 ? -z : z))));
});

/** Time between two messages of a mailbox, in ms: two years of mail, but at least a minute apart. */
export function spacingOf(messagesPerMailbox: number): number {
  return Math.max(60, Math.floor((730 * 86_400) / Math.max(1, messagesPerMailbox))) * 1000;
}

/** When message `index` of any mailbox arrived: strictly falling with the index. */
export function receivedAtOf(newest: number, spacing: number, own: number, index: number): number {
  return newest - index * spacing - 30_000 + ((own % 25) + 1) * 1000;
}

/** Hash of one mailbox's instance of a message. */
export function ownHash(base: number, mailbox: number, index: number): number {
  return mix(mix(base, mailbox), index);
}

/** The mailbox that holds the original of a message: a copy leads to an earlier mailbox, never in a circle. */
function originalMailbox(options: FactsOptions, base: number, mailbox: number, index: number): number {
  let current = mailbox;
  while (current > 0 && folderOfIndex(index) !== 'sent') {
    const hash = mix(ownHash(base, current, index), 0xc0b1);
    if (hash / 4294967296 >= COPY_SHARE) break;
    current = mix(hash, 7) % current;
  }
  return options.mailboxes > 1 ? current : mailbox;
}

function paragraphs(
  pool: TextPool,
  parts: MessageFacts['parts'],
  bytes: number,
  hash: number,
): [number, number] {
  const room = pool.paragraphs - 400;
  const first = hash % room;
  const sizeAt = (at: number) =>
    (parts === 'html' ? 0 : (pool.textOffsets[at] ?? 0)) +
    (parts === 'text' ? 0 : (pool.htmlOffsets[at] ?? 0));
  const goal = sizeAt(first) + bytes;
  let low = first + 1;
  let high = first + 400;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sizeAt(middle) < goal) low = middle + 1;
    else high = middle;
  }
  return [first, low];
}

function filesOf(options: FactsOptions, random: Random, key: number, large: boolean): GeneratedFile[] {
  const files: GeneratedFile[] = [];
  if (options.profile === 'standard' && random.unit() < 0.092) {
    const count = random.unit() < 0.1 ? 2 : 1;
    for (let at = 0; at < count; at++) {
      const shared = random.unit() < 0.34; // with the copies of whole messages two fifths are repeats
      const fileKey = shared
        ? mix(0x5a4ed, random.below(Math.max(8, options.mailboxes)))
        : mix(key, 100 + at);
      const size = Math.floor(100_000 * 20 ** ((fileKey / 4294967296) ** 3.4));
      const kind = FILE_KINDS[fileKey % FILE_KINDS.length] ?? FILE_KINDS[0];
      files.push({
        key: fileKey,
        size,
        name: `${kind[0]} ${fileKey % 1000}.${kind[1]}`,
        contentType: kind[2],
      });
    }
  }
  if (large) {
    const size = options.largeAttachmentMb * 1024 * 1024;
    files.push({ key: mix(key, 99), size, name: 'recording.bin', contentType: 'application/octet-stream' });
  }
  return files;
}

function stateOf(own: number): { flag: FlagStatus; categories: readonly string[] } {
  const dice = mix(own, 0xf1a6) % 1000;
  const flag = dice < 40 ? 'flagged' : dice < 50 ? 'complete' : 'notFlagged';
  const colour = mix(own, 0xca7) % 1000;
  return { flag, categories: colour < 100 ? (CATEGORIES[colour % CATEGORIES.length] ?? []) : [] };
}

function peopleOf(options: FactsOptions, random: Random, mailbox: number, sent: boolean) {
  const owner = mailboxOwner(mailbox, options.domain);
  const someone = () =>
    random.unit() < 0.3 && options.mailboxes > 1
      ? mailboxOwner(random.below(options.mailboxes), options.domain)
      : partner(random.next());
  const others = Array.from({ length: 1 + (random.below(6) === 0 ? random.below(6) : 0) }, someone);
  const cc = random.below(4) === 0 ? [someone()] : [];
  return sent
    ? { owner, from: owner, to: others, cc }
    : { owner, from: someone(), to: [owner, ...others.slice(1)], cc };
}

/** Computes what message `index` of generated mailbox `mailbox` is made of. Costs a few microseconds. */
export function messageFacts(
  options: FactsOptions,
  base: number,
  mailbox: number,
  index: number,
): MessageFacts {
  const own = ownHash(base, mailbox, index);
  const contentMailbox = originalMailbox(options, base, mailbox, index);
  const original = contentMailbox === mailbox ? own : ownHash(base, contentMailbox, index);
  const key = mix(original, 0xc047e47);
  const random = new Random(key);
  const small = options.profile === 'small';
  const people = peopleOf(options, random, contentMailbox, folderOfIndex(index) === 'sent');
  const shape = random.unit();
  const parts = small
    ? shape < 0.5
      ? 'text'
      : 'alternative'
    : shape < 0.08
      ? 'text'
      : shape < 0.2
        ? 'html'
        : 'alternative';
  const pool = random.unit() < 0.07 ? unicodeText() : asciiText();
  const total = small ? 1000 + random.below(2000) : (SIZES[random.next() & 1023] ?? 20_480);
  const [firstParagraph, lastParagraph] = paragraphs(
    pool,
    parts,
    Math.max(small ? 300 : 800, total - 3200),
    random.next(),
  );
  const conversation = mix(mix(base, contentMailbox), Math.floor(index / 3) + 0x70000000);
  const topic = SUBJECTS[conversation % SUBJECTS.length] ?? 'Notes';
  const reply = index % 3 !== 2 && conversation % 3 === 0;
  const inline = !small && parts !== 'text' && random.unit() < 0.03;
  const importanceDice = random.below(100);
  const spacing = spacingOf(options.messagesPerMailbox);
  const files = filesOf(options, random, key, options.largeAttachmentMb > 0 && mailbox === 0 && index === 0);
  return {
    contentMailbox,
    index,
    key,
    own,
    ...people,
    owner: contentMailbox === mailbox ? people.owner : mailboxOwner(mailbox, options.domain),
    subject: `${reply ? 'Re: ' : ''}${topic} #${conversation % 100000}`,
    internetMessageId: messageIdOf(index, contentMailbox, original),
    ...(reply ? { inReplyTo: `<c${conversation.toString(16)}@mail.contoso.example>` } : {}),
    conversation,
    sentAt: options.newest - index * spacing - 31_000 - (key % 20) * 1000,
    receivedAt: receivedAtOf(options.newest, spacing, own, index),
    parts,
    pool,
    firstParagraph,
    lastParagraph,
    ...(inline ? { inlineImage: inlineImage(key) } : {}),
    files,
    embedded: !small && random.unit() < 0.006,
    importance: importanceDice < 5 ? 'high' : importanceDice < 8 ? 'low' : 'normal',
    ...stateOf(own),
    small,
  };
}

function inlineImage(key: number): GeneratedFile {
  const size = 4_000 + (key % 16_000);
  return {
    key: mix(key, 55),
    size,
    name: 'image001.png',
    contentType: 'image/png',
    contentId: `image001.png@${key.toString(16)}`,
  };
}

/** The internet message id; it carries the index, so that a message is found by it without a scan. */
function messageIdOf(index: number, mailbox: number, hash: number): string {
  return `<${index.toString(36)}.${mailbox.toString(36)}.${hash.toString(16)}@mail.contoso.example>`;
}

/** The index inside a generated internet message id, or undefined for a foreign one. */
export function indexOfMessageId(internetMessageId: string): number | undefined {
  const found = /^<([0-9a-z]+)\.[0-9a-z]+\.[0-9a-f]+@mail\.contoso\.example>$/.exec(internetMessageId);
  return found?.[1] === undefined ? undefined : Number.parseInt(found[1], 36);
}
