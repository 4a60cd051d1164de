/** A name and address of a sender or recipient. */
export interface Correspondent {
  readonly name: string;
  readonly address: string;
}

/** What an attachment is, without its bytes. */
export interface AttachmentInfo {
  /** Number within the message, stable as long as the attachment exists. */
  readonly ordinal: number;
  readonly kind: 'file' | 'item' | 'reference';
  readonly name: string;
  readonly contentType: string | null;
  readonly size: number;
  readonly isInline: boolean;
  readonly contentId: string | null;
  readonly contentLocation: string | null;
}

/** Body of a message in the forms it has. */
export interface Body {
  readonly html: string | null;
  readonly text: string | null;
}

/** The properties of one version of a message that come from its content, not from its place or state. */
export interface ContentProperties {
  readonly subject: string;
  readonly from: Correspondent | null;
  readonly sender: Correspondent | null;
  readonly to: readonly Correspondent[];
  readonly cc: readonly Correspondent[];
  readonly bcc: readonly Correspondent[];
  readonly replyTo: readonly Correspondent[];
  readonly internetMessageId: string;
  /** Computed on demand: header lines of the message in order. */
  headers(): readonly { readonly name: string; readonly value: string }[];
  /** Date header, ms since 1970; null where the message has none that can be read. */
  readonly sentAt: number | null;
  /** Computed on demand: it is the costly part. */
  body(): Body;
  /** A form of the body as JSON text with its quotes, in pieces, from who has that at hand; undefined when there is no such form. */
  jsonBody?(form: 'html' | 'text'): readonly (string | Buffer)[] | undefined;
  readonly conversation: string;
  readonly attachments: readonly AttachmentInfo[];
  readonly importance: 'low' | 'normal' | 'high';
  readonly isReadReceiptRequested: boolean;
  readonly isDeliveryReceiptRequested: boolean;
}

/** One version of a message's content; immutable. */
export interface Content {
  properties(): ContentProperties | Promise<ContentProperties>;
  /** Length and bytes of the MIME form; the bytes come in chunks so that a large one is never held whole. */
  mime(): MimeForm;
  /** Raw bytes of a file attachment, MIME of an attached item. Throws RangeError for an unknown ordinal. */
  attachmentBytes(ordinal: number): Buffer | Promise<Buffer>;
}

/** The MIME form of a message: whole when small, else a length and chunks. */
export type MimeForm =
  | { readonly length: number; readonly bytes: Buffer }
  | { readonly length: number; readonly chunks: () => Iterable<Buffer> };

/** All bytes of a MIME form in one buffer. */
export function wholeMime(form: MimeForm): Buffer {
  return 'bytes' in form ? form.bytes : Buffer.concat([...form.chunks()], form.length);
}

/** Follow-up flag as Graph shows it. */
export interface FollowupFlag {
  readonly flagStatus: 'notFlagged' | 'flagged' | 'complete';
  readonly startDateTime?: { readonly dateTime: string; readonly timeZone: string };
  readonly dueDateTime?: { readonly dateTime: string; readonly timeZone: string };
  readonly completedDateTime?: { readonly dateTime: string; readonly timeZone: string };
}

/** What can change on a message without a new content. Times in ms since 1970. */
export interface ItemState {
  isRead: boolean;
  isDraft: boolean;
  flag: FollowupFlag;
  categories: readonly string[];
  importance: 'low' | 'normal' | 'high';
  inferenceClassification: 'focused' | 'other';
  isReadReceiptRequested: boolean;
  isDeliveryReceiptRequested: boolean;
  receivedAt: number;
  createdAt: number;
  modifiedAt: number;
  /** Counts changes of this item; the change key follows from it. */
  version: number;
  /** Extended properties that a client has set, by their Graph id. */
  extended: ReadonlyMap<string, string>;
}

/** A message in its mailbox. */
export interface Item {
  /** Number of the message in its mailbox: never reused, so it is what an immutable id stands for. */
  readonly n: number;
  folder: number;
  /** Counts moves: the regular id follows from it. */
  moves: number;
  state: ItemState;
  content: Content;
}

/** A folder as a mailbox is born with it. */
export interface BaseFolder {
  readonly number: number;
  readonly displayName: string;
  readonly parent: number | null;
  readonly wellKnownName: string | null;
  readonly isHidden: boolean;
}

/**
 * What a mailbox holds before anybody changes it: a pure function, generated or read from files. Messages are
 * numbered from 0; in a folder they stand newest first.
 */
export interface MailboxBase {
  readonly folders: readonly BaseFolder[];
  readonly count: number;
  folderCount(folder: number): number;
  unreadCount(folder: number): number;
  /** Number of the message at a position of a folder. */
  at(folder: number, position: number): number;
  position(n: number): number;
  folderOf(n: number): number;
  receivedAt(n: number): number;
  state(n: number): ItemState;
  content(n: number): Content;
  /** Messages with this internet message id. */
  findByMessageId(internetMessageId: string): readonly number[];
}
