import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { CursorExpired, DeltaUnavailable, FolderGone } from '../errors.ts';
import { newStatistics } from '../graph/statistics.ts';
import { itemUpsertOf } from '../message/itemFacts.ts';
import { attachmentRecord } from '../message/storedAttachments.ts';
import type {
  AnnouncedReads,
  Batch,
  Folder,
  FolderChange,
  ItemChange,
  ItemContent,
  ItemUpsert,
  MailboxReader,
  ReaderOptions,
} from '../ports.ts';
import { type MemoryMailbox, type MemoryMessage, takeFault, vanished } from './memoryMailbox.ts';

interface Cursor {
  /** Of folders: Recoverable Items were told too. */
  recoverable?: boolean;
  generation: number;
  /** Changes after this are new. */
  since: number;
  /** The round goes up to here, so that changes made meanwhile come in the next one. */
  until?: number;
  /** Changes of the round given out already. */
  given?: number;
}

async function* one(data: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(data);
}

/** A reader over a mailbox in memory, with the change semantics of the port. */
export class MemoryReader implements MailboxReader {
  readonly statistics = newStatistics();
  private readonly mailbox: MemoryMailbox;
  private readonly signal: AbortSignal;
  private readonly recoverable: boolean;

  constructor(mailbox: MemoryMailbox, { signal, recoverable = false }: ReaderOptions) {
    this.mailbox = mailbox;
    this.signal = signal;
    this.recoverable = recoverable;
  }

  announce(reads: AnnouncedReads): void {
    this.mailbox.announced.push(reads);
  }

  async *folderChanges(cursor: string | undefined): AsyncIterable<Batch<FolderChange>> {
    await this.request();
    const { since, recoverable = false } = this.open(cursor);
    if (cursor !== undefined && recoverable !== this.recoverable) {
      throw new CursorExpired('Recoverable Items were read otherwise before.');
    }
    const until = this.mailbox.sequence;
    const changes: { at: number; change: FolderChange }[] = [];
    for (const folder of this.mailbox.folders.values()) {
      if (folder.changedAt > since && this.isRead(folder.id)) {
        changes.push({
          at: folder.changedAt,
          change: { kind: 'upsert', folder: this.told(folder.id, cursor) },
        });
      }
    }
    if (cursor !== undefined) {
      for (const removal of this.mailbox.folderRemovals) {
        if (removal.at > since) changes.push({ at: removal.at, change: { kind: 'removed', id: removal.id } });
      }
    }
    changes.sort((a, b) => a.at - b.at);
    const { generation } = this.mailbox;
    const next = JSON.stringify({ generation, since: until, recoverable: this.recoverable });
    yield { changes: changes.map(({ change }) => change), cursor: next, done: true };
  }

  async folders(): Promise<Folder[]> {
    await this.request();
    const ids = [...this.mailbox.folders.keys()].filter((id) => this.isRead(id));
    return ids.map((id) => this.mailbox.folder(id));
  }

  async folderClasses(ids: readonly string[]): Promise<Map<string, string>> {
    await this.request();
    const known = ids.map((id) => [id, this.mailbox.folders.get(id)?.folderClass] as const);
    return new Map(known.flatMap(([id, value]) => (value === undefined ? [] : [[id, value]])));
  }

  async *itemChanges(folderId: string, cursor: string | undefined): AsyncIterable<Batch<ItemChange>> {
    let at = this.open(cursor);
    for (;;) {
      await this.request();
      if (this.mailbox.faults.deltaUnavailable) throw new DeltaUnavailable('The mailbox is full.');
      this.requireFolder(folderId);
      at = this.open(JSON.stringify(at));
      const until = at.until ?? this.mailbox.sequence;
      const changes = this.changesOf(folderId, at.since, until, cursor !== undefined || at.since > 0);
      const given = at.given ?? 0;
      const page = changes.slice(given, given + this.mailbox.pageSize);
      const done = given + page.length >= changes.length;
      at = done
        ? { generation: at.generation, since: until }
        : { generation: at.generation, since: at.since, until, given: given + page.length };
      yield { changes: page, cursor: JSON.stringify(at), done };
      if (done) return;
    }
  }

  async *inventory(folderId: string): AsyncIterable<ItemUpsert[]> {
    this.requireFolder(folderId);
    const held = this.mailbox.inFolder(folderId);
    for (let at = 0; at === 0 || at < held.length; at += this.mailbox.pageSize) {
      await this.request();
      this.requireFolder(folderId);
      yield held.slice(at, at + this.mailbox.pageSize).map((m) => itemUpsertOf(m.message));
    }
  }

  async item(id: string): Promise<ItemUpsert> {
    await this.request();
    return itemUpsertOf(this.require(id).message);
  }

  async content(item: ItemUpsert): Promise<ItemContent> {
    await this.request();
    const { faults, contentCalls } = this.mailbox;
    contentCalls.push(item.id);
    this.statistics.throttledMs += faults.throttleMs;
    if (faults.vanishOnContent.has(item.id)) throw vanished('The item');
    const refusals = faults.corrupt.get(item.id) ?? 0;
    if (refusals > 0) {
      faults.corrupt.set(item.id, refusals - 1);
      throw new HoldfastError('item-corrupt', 'permanent-item', 'Exchange cannot read this item.', {
        remedy: 'Open the item in Outlook; if that fails too, it is damaged at the source.',
        details: { requestId: 'memory' },
      });
    }
    const held = this.require(item.id);
    this.statistics.bytesRead += held.mime.length;
    return {
      properties: this.propertiesOf(item, held),
      mime: held.mime,
      extraParts: held.attachments
        .map((attachment, index) => ({ name: `attachment-${index + 1}`, attachment }))
        .filter(({ attachment }) => attachment.extra === true)
        .map(({ name, attachment }) => ({ name, data: one(attachment.data) })),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private isRead(id: string): boolean {
    return this.recoverable || !this.mailbox.isRecoverable(id);
  }

  /** A later round of changes does not say the class of a folder. */
  private told(id: string, cursor: string | undefined): Folder {
    const { folderClass, ...folder } = this.mailbox.folder(id);
    return cursor !== undefined || folderClass === undefined ? folder : { ...folder, folderClass };
  }

  private propertiesOf(item: ItemUpsert, held: MemoryMessage): JsonObject {
    if (held.attachments.length === 0) return item.properties;
    let part = 1;
    const attachments = held.attachments.map((attachment, index) =>
      attachmentRecord({
        kind: 'file',
        name: attachment.name,
        contentType: attachment.contentType ?? 'application/octet-stream',
        size: attachment.data.length,
        isInline: attachment.isInline ?? false,
        ...(attachment.contentId === undefined ? {} : { contentId: attachment.contentId }),
        bytes:
          attachment.extra === true
            ? { source: 'extra', name: `attachment-${index + 1}` }
            : { source: 'mime', partPath: String(++part) },
      }),
    );
    return { ...item.properties, attachments };
  }

  private changesOf(folderId: string, since: number, until: number, withRemovals: boolean): ItemChange[] {
    const changes: { at: number; change: ItemChange }[] = [];
    for (const held of this.mailbox.inFolder(folderId)) {
      if (held.changedAt > since && held.changedAt <= until) {
        changes.push({ at: held.changedAt, change: itemUpsertOf(held.message) });
      }
    }
    for (const removal of withRemovals ? this.mailbox.removals : []) {
      if (removal.folderId === folderId && removal.at > since && removal.at <= until) {
        changes.push({ at: removal.at, change: { kind: 'removed', id: removal.id } });
      }
    }
    return changes.sort((a, b) => a.at - b.at).map(({ change }) => change);
  }

  private open(cursor: string | undefined): Cursor {
    if (cursor === undefined) return { generation: this.mailbox.generation, since: 0 };
    const parsed = JSON.parse(cursor) as Cursor;
    if (parsed.generation !== this.mailbox.generation) {
      throw new CursorExpired('The sync state generation is not found.');
    }
    return parsed;
  }

  private requireFolder(folderId: string): void {
    if (!this.mailbox.folders.has(folderId)) throw new FolderGone(folderId);
  }

  private require(id: string): MemoryMessage {
    const held = this.mailbox.messages.get(id);
    if (held === undefined) throw vanished('The item');
    return held;
  }

  private async request(): Promise<void> {
    await Promise.resolve();
    this.signal.throwIfAborted();
    this.statistics.requests++;
    takeFault(this.mailbox.faults);
  }
}
