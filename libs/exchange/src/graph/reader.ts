import type {
  AnnouncedReads,
  Batch,
  BudgetGrant,
  Folder,
  FolderChange,
  ItemChange,
  ItemContent,
  ItemUpsert,
  MailboxReader,
  MailboxRef,
  ReaderStatistics,
} from '../ports.ts';
import { AnnouncedPages } from './announcedPages.ts';
import type { BufferPool } from './bufferPool.ts';
import { ContentReader } from './contentReader.ts';
import { allFolders, announcedFolders, folderChanges, folderClasses } from './folders.ts';
import type { GraphLine } from './line.ts';
import { type ListingSettings, MessageListing } from './messageListing.ts';

/** Reads a mailbox by Microsoft Graph; see the port for what each method promises. */
export class GraphReader implements MailboxReader {
  readonly statistics: ReaderStatistics;
  private readonly line: GraphLine;
  private readonly grant: BudgetGrant;
  private readonly userPath: string;
  private readonly withRecoverable: boolean;
  private readonly announced: AnnouncedPages;
  private readonly listing: MessageListing;
  private readonly contents: ContentReader;

  constructor(deps: {
    line: GraphLine;
    grant: BudgetGrant;
    mailbox: MailboxRef;
    withRecoverable: boolean;
    listing: ListingSettings;
    spoolDirectory: string;
    memory: BufferPool;
  }) {
    this.line = deps.line;
    this.grant = deps.grant;
    this.statistics = deps.line.deps.statistics;
    this.userPath = `/users/${encodeURIComponent(deps.mailbox.userId)}`;
    this.withRecoverable = deps.withRecoverable;
    this.announced = new AnnouncedPages(deps.line, deps.memory);
    this.listing = new MessageListing(deps.line, this.userPath, deps.listing, deps.memory, this.announced);
    const { cloud, breaker } = deps.line.deps;
    const host = new URL(cloud.graphRoot).host;
    this.contents = new ContentReader(deps.line, this.userPath, {
      spoolDirectory: deps.spoolDirectory,
      memory: deps.memory,
      isDown: () => breaker.isOpen(host),
    });
  }

  announce({ folders, items }: AnnouncedReads): void {
    const folderLink = folders === undefined ? undefined : announcedFolders(folders, this.withRecoverable);
    const itemLinks = [...items.values()].map((cursor) => this.listing.announcementOf(cursor));
    this.announced.announce([...(folderLink === undefined ? [] : [folderLink]), ...itemLinks]);
  }

  folderChanges(cursor: string | undefined): AsyncIterable<Batch<FolderChange>> {
    return folderChanges(this.line, this.userPath, cursor, this.withRecoverable, this.announced);
  }

  folders(): Promise<Folder[]> {
    return allFolders(this.line, this.userPath, this.withRecoverable);
  }

  folderClasses(ids: readonly string[]): Promise<Map<string, string>> {
    return folderClasses(this.line, this.userPath, ids);
  }

  itemChanges(folderId: string, cursor: string | undefined): AsyncIterable<Batch<ItemChange>> {
    return this.listing.changes(folderId, cursor);
  }

  inventory(folderId: string): AsyncIterable<ItemUpsert[]> {
    return this.listing.inventory(folderId);
  }

  item(id: string): Promise<ItemUpsert> {
    return this.listing.item(id);
  }

  content(item: ItemUpsert): Promise<ItemContent> {
    return this.contents.content(item);
  }

  async close(): Promise<void> {
    this.announced.close();
    await this.contents.close();
    await this.grant.release();
  }
}
