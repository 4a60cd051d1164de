import { randomUUID } from 'node:crypto';
import { HoldfastError, isRecoverableRole, type Json, type JsonObject } from '@holdfast/contracts';
import type { GraphMessage } from '../message/graphMessage.ts';
import type { AnnouncedReads, Folder } from '../ports.ts';
import { type MemoryAttachment, mimeOf } from './memoryMime.ts';

export interface MemoryMessageInput {
  subject?: string;
  body?: string;
  from?: string;
  to?: string;
  receivedDateTime?: string;
  sentDateTime?: string;
  isRead?: boolean;
  isDraft?: boolean;
  categories?: string[];
  importance?: string;
  flag?: JsonObject;
  internetMessageId?: string;
  attachments?: MemoryAttachment[];
  /** Served as it is instead of a message made of the fields. */
  mime?: Uint8Array | string;
  /** Any other Graph properties. */
  properties?: JsonObject;
}

/** A message as the memory mailbox holds it. */
export interface MemoryMessage {
  message: GraphMessage;
  folderId: string;
  attachments: MemoryAttachment[];
  mime: Uint8Array;
  changedAt: number;
  marker?: string;
  unfinished?: boolean;
  /** The message that it was made to replace. */
  replaces?: string;
}

interface StoredFolder extends Folder {
  changedAt: number;
}

/** Faults that a test arms; each counter is used up by the calls it spoils. */
export interface MemoryFaults {
  /** Ids that are gone when their content is asked for, though a listing named them. */
  vanishOnContent: Set<string>;
  /** Ids whose content is refused, and how often (Infinity for ever). */
  corrupt: Map<string, number>;
  /** Folder listings that answer `DeltaUnavailable`: the mailbox is full. */
  deltaUnavailable: boolean;
  /** The next calls fail with these errors, in order; `undefined` lets one pass. */
  next: (Error | undefined)[];
  /** The mailbox cannot be opened. */
  open: Error | undefined;
  /** Counted into `throttledMs` by each content call. */
  throttleMs: number;
  /** `create` stops after the item was accepted and before it is reported (a kill between the two). */
  dieAfterAcceptance: number;
  /** `create` stops half way: the item is there, its attachments are not. */
  dieHalfWay: number;
}

const minute = 60_000;
const firstTime = Date.UTC(2026, 0, 5, 8);

/** A mailbox in memory: folders, messages, a change log with cursors, and mutators for tests. */
export class MemoryMailbox {
  readonly userId: string;
  readonly address: string;
  readonly folders = new Map<string, StoredFolder>();
  readonly messages = new Map<string, MemoryMessage>();
  readonly removals: { id: string; folderId: string; at: number }[] = [];
  readonly folderRemovals: { id: string; at: number }[] = [];
  /** Ids of messages asked for by content, in order. */
  readonly contentCalls: string[] = [];
  /** What readers were told that they would be asked. */
  readonly announced: AnnouncedReads[] = [];
  readonly faults: MemoryFaults = {
    vanishOnContent: new Set(),
    corrupt: new Map(),
    deltaUnavailable: false,
    next: [],
    open: undefined,
    throttleMs: 0,
    dieAfterAcceptance: 0,
    dieHalfWay: 0,
  };
  pageSize = 50;
  /** Cursors of an older generation are refused. */
  generation = 1;
  sequence = 0;

  constructor(userId: string, address: string) {
    this.userId = userId;
    this.address = address;
    for (const [role, name] of [
      ['inbox', 'Inbox'],
      ['sentitems', 'Sent Items'],
      ['drafts', 'Drafts'],
      ['deleteditems', 'Deleted Items'],
    ] as const) {
      this.addFolder({ id: role, name, role });
    }
  }

  addFolder(input: {
    id?: string;
    name: string;
    parentId?: string | null;
    role?: string;
    hidden?: boolean;
    folderClass?: string;
  }): Folder {
    const id = input.id ?? `folder-${randomUUID()}`;
    const folder: StoredFolder = {
      id,
      parentId: input.parentId ?? null,
      name: input.name,
      hidden: input.hidden ?? false,
      folderClass: input.folderClass ?? 'IPF.Note',
      changedAt: ++this.sequence,
      ...(input.role === undefined ? {} : { role: input.role }),
    };
    this.folders.set(id, folder);
    return this.folder(id);
  }

  /** True for Recoverable Items and what is below them. */
  isRecoverable(id: string): boolean {
    const folder = this.folders.get(id);
    if (folder === undefined) return false;
    return (
      isRecoverableRole(folder.role) || (folder.parentId !== null && this.isRecoverable(folder.parentId))
    );
  }

  /** @throws when there is no such folder */
  folder(id: string): Folder {
    const { changedAt: _, ...folder } = this.requireFolder(id);
    return { ...folder, itemCount: [...this.messages.values()].filter((m) => m.folderId === id).length };
  }

  changeFolder(id: string, change: { name?: string; parentId?: string | null; folderClass?: string }): void {
    Object.assign(this.requireFolder(id), change, { changedAt: ++this.sequence });
  }

  /** Removes a folder with all that is below it. */
  removeFolder(id: string): void {
    for (const folder of [...this.folders.values()]) if (folder.parentId === id) this.removeFolder(folder.id);
    for (const [messageId, held] of this.messages) if (held.folderId === id) this.messages.delete(messageId);
    this.folders.delete(id);
    this.folderRemovals.push({ id, at: ++this.sequence });
  }

  addMessage(folderId: string, input: MemoryMessageInput = {}): string {
    this.requireFolder(folderId);
    const id = `message-${randomUUID()}`;
    const number = this.messages.size + 1;
    const time = new Date(firstTime + number * minute).toISOString().replace('.000Z', 'Z');
    const message: GraphMessage = {
      id,
      createdDateTime: time,
      lastModifiedDateTime: time,
      changeKey: `ck-${this.sequence + 1}`,
      receivedDateTime: input.receivedDateTime ?? time,
      sentDateTime: input.sentDateTime ?? input.receivedDateTime ?? time,
      internetMessageId: input.internetMessageId ?? `<${id}@example.com>`,
      subject: input.subject ?? `Message ${number}`,
      hasAttachments: (input.attachments ?? []).length > 0,
      importance: input.importance ?? 'normal',
      inferenceClassification: 'focused',
      isRead: input.isRead ?? false,
      isDraft: input.isDraft ?? false,
      categories: input.categories ?? [],
      flag: input.flag ?? { flagStatus: 'notFlagged' },
      parentFolderId: folderId,
      from: personRecord(input.from ?? 'bo@example.com'),
      sender: personRecord(input.from ?? 'bo@example.com'),
      toRecipients: [personRecord(input.to ?? this.address)],
      ccRecipients: [],
      bccRecipients: [],
      replyTo: [],
      body: { contentType: 'text', content: input.body ?? `Body of message ${number}` },
      ...input.properties,
    };
    const attachments = input.attachments ?? [];
    const mime = typeof input.mime === 'string' ? Buffer.from(input.mime) : input.mime;
    this.messages.set(id, {
      message,
      folderId,
      attachments,
      mime: mime ?? mimeOf(message, attachments),
      changedAt: ++this.sequence,
    });
    return id;
  }

  /** Changes properties; those of the state leave the content as it is, others make a new MIME. */
  changeMessage(id: string, change: JsonObject): void {
    const held = this.requireMessage(id);
    held.changedAt = ++this.sequence;
    const content = Object.keys(change).some((name) => !stateNames.has(name));
    held.message = { ...held.message, ...change, id, changeKey: `ck-${this.sequence}` };
    if (content) held.mime = mimeOf(held.message, held.attachments);
  }

  moveMessage(id: string, folderId: string): void {
    const held = this.requireMessage(id);
    this.requireFolder(folderId);
    this.removals.push({ id, folderId: held.folderId, at: ++this.sequence });
    held.folderId = folderId;
    held.message = { ...held.message, parentFolderId: folderId };
    held.changedAt = ++this.sequence;
  }

  removeMessage(id: string): void {
    const held = this.requireMessage(id);
    this.messages.delete(id);
    this.removals.push({ id, folderId: held.folderId, at: ++this.sequence });
  }

  /** From now on every cursor given out before is refused. */
  expireCursors(): void {
    this.generation++;
  }

  inFolder(folderId: string): MemoryMessage[] {
    return [...this.messages.values()].filter((held) => held.folderId === folderId);
  }

  private requireFolder(id: string): StoredFolder {
    const folder = this.folders.get(id);
    if (folder === undefined) throw new Error(`the memory mailbox has no folder ${id}`);
    return folder;
  }

  private requireMessage(id: string): MemoryMessage {
    const held = this.messages.get(id);
    if (held === undefined) throw new Error(`the memory mailbox has no message ${id}`);
    return held;
  }
}

const stateNames = new Set(['isRead', 'flag', 'categories', 'importance', 'inferenceClassification']);

const personRecord = (address: string): Json => ({ emailAddress: { name: address, address } });

/** The error of the n-th failing call, armed by a test. */
export function takeFault(faults: MemoryFaults): void {
  const fault = faults.next.shift();
  if (fault !== undefined) throw fault;
}

export const vanished = (what: string): HoldfastError =>
  new HoldfastError('item-vanished', 'vanished', `${what} is not in the mailbox any more.`);
