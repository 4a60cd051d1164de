import { hash } from 'node:crypto';
import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { newStatistics } from '../graph/statistics.ts';
import { compareMessages, contentSignOf, expectedMessage } from '../message/compareMessages.ts';
import { identityKeyOf, identityKeyOfItem } from '../message/identityKey.ts';
import type {
  ContentComparison,
  CreatedItem,
  Difference,
  ExistingItem,
  Folder,
  MailboxWriter,
  NewFolder,
  RestorableAttachment,
  RestorableItem,
} from '../ports.ts';
import { type MemoryMailbox, type MemoryMessage, takeFault, vanished } from './memoryMailbox.ts';
import type { MemoryAttachment } from './memoryMime.ts';

async function bytesOf(attachment: RestorableAttachment): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of attachment.open()) pieces.push(piece);
  return Buffer.concat(pieces);
}

const died = (): HoldfastError =>
  new HoldfastError('connection-lost', 'transient', 'The connection was lost after the request was sent.');

function existingOf(
  { message, marker, unfinished, replaces }: MemoryMessage,
  content: ContentComparison | undefined,
): ExistingItem {
  return {
    id: message.id,
    identityKey: identityKeyOf(message),
    ...(marker === undefined ? {} : { marker }),
    ...(unfinished === true ? { unfinished: true } : {}),
    ...(replaces === undefined ? {} : { replaces }),
    ...(content === undefined ? {} : { contentSign: contentSignOf(message, content.ignoring) }),
  };
}

/** A writer over a mailbox in memory; what it makes is a whole message with its attachments. */
export class MemoryWriter implements MailboxWriter {
  readonly statistics = newStatistics();
  private readonly mailbox: MemoryMailbox;
  private readonly signal: AbortSignal;

  constructor(mailbox: MemoryMailbox, signal: AbortSignal) {
    this.mailbox = mailbox;
    this.signal = signal;
  }

  async folders(): Promise<Folder[]> {
    await this.request();
    const ids = [...this.mailbox.folders.keys()].filter((id) => !this.mailbox.isRecoverable(id));
    return ids.map((id) => this.mailbox.folder(id));
  }

  async ensureFolder(
    parentId: string | null,
    name: string,
    { hidden, folderClass }: NewFolder = {},
  ): Promise<{ id: string; created: boolean }> {
    await this.request();
    for (const folder of this.mailbox.folders.values()) {
      if (folder.parentId === parentId && folder.name.toLowerCase() === name.toLowerCase()) {
        return { id: folder.id, created: false };
      }
    }
    const input = { name, parentId, hidden: hidden === true, ...(folderClass && { folderClass }) };
    return { id: this.mailbox.addFolder(input).id, created: true };
  }

  async *existing(
    folderId: string,
    { content }: { content?: ContentComparison | undefined } = {},
  ): AsyncIterable<ExistingItem[]> {
    const held = this.mailbox.inFolder(folderId);
    for (let at = 0; at === 0 || at < held.length; at += this.mailbox.pageSize) {
      await this.request();
      yield held.slice(at, at + this.mailbox.pageSize).map((one) => existingOf(one, content));
    }
  }

  async sameAs(folderId: string, item: RestorableItem): Promise<ExistingItem[]> {
    await this.request();
    const wanted = identityKeyOfItem(item);
    return this.mailbox
      .inFolder(folderId)
      .map((one) => existingOf(one, undefined))
      .filter(({ identityKey }) => identityKey === wanted);
  }

  contentSign(item: RestorableItem, { ignoring }: ContentComparison): string {
    return contentSignOf(expectedMessage(item), ignoring);
  }

  async removeReplaced(newId: string): Promise<void> {
    await this.request();
    const replaces = this.mailbox.messages.get(newId)?.replaces;
    if (replaces === undefined) {
      throw new HoldfastError(
        'item-replaces-nothing',
        'ours',
        'The item was not made to replace another one.',
      );
    }
    if (this.mailbox.messages.has(replaces)) this.mailbox.removeMessage(replaces);
  }

  identityKey(item: RestorableItem): string {
    return identityKeyOfItem(item);
  }

  async create(
    folderId: string,
    item: RestorableItem,
    marker: string,
    { replaces }: { replaces?: string | undefined } = {},
  ): Promise<CreatedItem> {
    await this.request();
    const { faults } = this.mailbox;
    const files = item.attachments.filter((attachment) => attachment.kind !== 'reference');
    const halfWay = faults.dieHalfWay > 0;
    const attachments: MemoryAttachment[] = [];
    for (const file of halfWay ? [] : files) {
      attachments.push({
        name: file.name,
        data: await bytesOf(file),
        isInline: file.isInline,
        ...(file.contentType === undefined ? {} : { contentType: file.contentType }),
        ...(file.contentId === undefined ? {} : { contentId: file.contentId }),
      });
    }
    const { attachments: _, ...properties } = expectedMessage(item);
    const id = this.mailbox.addMessage(folderId, { attachments, properties: properties as JsonObject });
    const held = this.mailbox.messages.get(id);
    if (held === undefined) throw vanished('The item');
    held.marker = marker;
    if (replaces !== undefined) held.replaces = replaces;
    if (halfWay) {
      faults.dieHalfWay--;
      held.unfinished = true;
      throw died();
    }
    if (faults.dieAfterAcceptance > 0) {
      faults.dieAfterAcceptance--;
      throw died();
    }
    const bytesSent = attachments.reduce((sum, a) => sum + a.data.length, 0);
    this.statistics.bytesSent += bytesSent;
    return {
      id,
      bytesSent,
      notRestored: item.attachments
        .filter((attachment) => attachment.kind === 'reference')
        .map((attachment) => ({ what: `attachment ${attachment.name}`, why: 'It is a link, not a file.' })),
    };
  }

  async removeUnfinished(id: string): Promise<void> {
    await this.request();
    const held = this.mailbox.messages.get(id);
    if (held === undefined) return;
    if (held.unfinished !== true) {
      throw new HoldfastError(
        'item-not-unfinished',
        'ours',
        'The item is not one that a restore left half done.',
      );
    }
    this.mailbox.removeMessage(id);
  }

  async readBack(id: string, folderId: string, item: RestorableItem): Promise<Difference[]> {
    await this.request();
    const held = this.mailbox.messages.get(id);
    if (held === undefined) throw vanished('The restored item');
    const differences = compareMessages(expectedMessage(item), held.message, folderId);
    const expected: string[] = [];
    for (const attachment of item.attachments) {
      if (attachment.kind === 'reference') continue;
      const sha256 = attachment.sha256 ?? hash('sha256', await bytesOf(attachment));
      expected.push(`${attachment.name} ${sha256}`);
    }
    const actual = held.attachments.map((a) => `${a.name} ${hash('sha256', a.data)}`);
    if (expected.sort().join('\n') !== actual.sort().join('\n')) {
      differences.push({ property: 'attachments', expected: expected.join('; '), actual: actual.join('; ') });
    }
    return differences;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async request(): Promise<void> {
    await Promise.resolve();
    this.signal.throwIfAborted();
    this.statistics.requests++;
    takeFault(this.mailbox.faults);
  }
}
