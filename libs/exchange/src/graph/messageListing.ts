import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { CursorExpired, DeltaUnavailable, FolderGone } from '../errors.ts';
import { type GraphMessage, leanProperties, listedProperties, textOf } from '../message/graphMessage.ts';
import { itemUpsertOf } from '../message/itemFacts.ts';
import type { Batch, ItemChange, ItemUpsert } from '../ports.ts';
import type { AnnouncedLink, AnnouncedPages } from './announcedPages.ts';
import type { BufferPool } from './bufferPool.ts';
import { expiredWhenLinkFails } from './folders.ts';
import type { GraphLine } from './line.ts';
import { parseListedPage } from './listedPage.ts';
import { nextLinkOf, rowsOf } from './paging.ts';

export interface ListingSettings {
  /** Messages in a page; bodies come with it, so 50 are some 1 MB. */
  pageSize: number;
  /** Leave bodies out of the listing: small pages, but every flag flip fetches the MIME again. */
  lean: boolean;
}

export const defaultListing: ListingSettings = { pageSize: 50, lean: false };

/** Pages above this are asked for in halves: one page is in memory as a whole. */
const largePage = 8 * 1024 * 1024;
const smallPage = 1024 * 1024;

/** A page with its rows; `upsert` where the body was cut out of the row. */
interface Page {
  json: JsonObject;
  rows: { row: JsonObject; upsert: ItemUpsert | undefined }[];
  /** Bodies are views of it. */
  bytes: Uint8Array;
}

function pageOf(bytes: Uint8Array): Page {
  if (bytes.byteLength === 0) return { json: {}, rows: [], bytes };
  const { json, bodies } = parseListedPage(bytes);
  const rows = rowsOf(json).map((row) => {
    const body = typeof row.body === 'number' ? bodies[row.body] : undefined;
    if (body === undefined) return { row, upsert: undefined };
    return { row, upsert: itemUpsertOf(asMessage(row), body) };
  });
  return { json, rows, bytes };
}

const pagePreference = (rows: number): string => `odata.maxpagesize=${rows}, outlook.allow-unsafe-html`;

const asMessage = (row: JsonObject): GraphMessage => ({ ...row, id: textOf(row.id) });

/** Lists the messages of folders, by change tracking or in full. */
export class MessageListing {
  private readonly line: GraphLine;
  private readonly userPath: string;
  private readonly settings: ListingSettings;
  private readonly memory: BufferPool;
  private readonly announced: AnnouncedPages | undefined;
  private readonly select: string;
  private pageSize: number;

  constructor(
    line: GraphLine,
    userPath: string,
    settings: ListingSettings,
    memory: BufferPool,
    announced?: AnnouncedPages,
  ) {
    this.line = line;
    this.userPath = userPath;
    this.settings = settings;
    this.memory = memory;
    this.announced = announced;
    this.select = (settings.lean ? leanProperties : listedProperties).join(',');
    this.pageSize = settings.pageSize;
  }

  /** What `changes` will ask for first with this cursor. */
  announcementOf(cursor: string): AnnouncedLink {
    return {
      link: cursor,
      prefer: (mostRows) => pagePreference(Math.min(this.pageSize, mostRows)),
    };
  }

  /** One batch for each page; its cursor goes on after it, also within a round. */
  async *changes(folderId: string, cursor: string | undefined): AsyncGenerator<Batch<ItemChange>> {
    const messages = `${this.folderPath(folderId)}/messages/delta`;
    // Newest first: of a long first backup the useful part is there soonest.
    let url = cursor ?? `${messages}?$select=${this.select}&$orderby=receivedDateTime%20desc`;
    let byLink: 'none' | 'stored' | 'fresh' = cursor === undefined ? 'none' : 'stored';
    for (;;) {
      let answer: Page;
      try {
        const came = byLink === 'stored' ? await this.announced?.take(url, pageOf) : undefined;
        answer = came ?? (await this.page(url, 'asking for message changes'));
      } catch (error) {
        throw this.deltaError(error, folderId, byLink);
      }
      const next = nextLinkOf(answer.json);
      const link = next ?? textOf(answer.json['@odata.deltaLink']);
      if (link === '') throw new CursorExpired('The answer has neither a next link nor a change cursor.');
      try {
        yield { changes: await this.changesOf(answer), cursor: link, done: next === undefined };
      } finally {
        this.memory.give(answer.bytes);
      }
      if (next === undefined) return;
      url = next;
      byLink = 'fresh';
    }
  }

  /** All messages of a folder without change tracking. @throws FolderGone */
  async *inventory(folderId: string): AsyncGenerator<ItemUpsert[]> {
    let url: string | undefined = `${this.folderPath(folderId)}/messages?$select=${this.select}`;
    while (url !== undefined) {
      let answer: Page;
      try {
        answer = await this.page(url, 'listing messages');
      } catch (error) {
        throw isVanished(error) ? new FolderGone(folderId, { cause: error }) : error;
      }
      try {
        yield answer.rows.map(({ row, upsert }) => upsert ?? itemUpsertOf(asMessage(row)));
      } finally {
        this.memory.give(answer.bytes);
      }
      url = nextLinkOf(answer.json);
    }
  }

  async item(id: string): Promise<ItemUpsert> {
    const url = `${this.userPath}/messages/${encodeURIComponent(id)}?$select=${this.select}`;
    return itemUpsertOf(asMessage(await this.line.json({ url, what: 'reading a message' })));
  }

  private folderPath(folderId: string): string {
    return `${this.userPath}/mailFolders/${encodeURIComponent(folderId)}`;
  }

  private async page(url: string, what: string): Promise<Page> {
    const prefer = pagePreference(this.pageSize);
    const page = await this.line.parsed({ url, what, prefer }, this.memory, pageOf);
    const size = page.bytes.byteLength;
    if (size > largePage) this.pageSize = Math.max(1, this.pageSize >> 1);
    else if (size < smallPage) this.pageSize = Math.min(this.settings.pageSize, this.pageSize << 1);
    return page;
  }

  /** The last word about an id counts; the same one may come several times, also in one page. */
  private async changesOf({ rows }: Page): Promise<ItemChange[]> {
    const changes = new Map<string, ItemChange>();
    const partial: string[] = [];
    for (const { row, upsert } of rows) {
      const id = textOf(row.id);
      changes.delete(id);
      if (row['@removed'] !== undefined) changes.set(id, { kind: 'removed', id });
      else if (this.isWhole(row)) changes.set(id, upsert ?? itemUpsertOf(asMessage(row)));
      else partial.push(id);
    }
    await Promise.all(
      partial.map(async (id) => {
        try {
          changes.set(id, await this.item(id));
        } catch (error) {
          if (!isVanished(error)) throw error;
          changes.set(id, { kind: 'removed', id });
        }
      }),
    );
    return [...changes.values()];
  }

  /** Change tracking was seen to answer with only the changed property. */
  private isWhole(row: JsonObject): boolean {
    return (
      row.subject !== undefined &&
      row.receivedDateTime !== undefined &&
      (this.settings.lean || row.body !== undefined)
    );
  }

  private deltaError(error: unknown, folderId: string, byLink: 'none' | 'stored' | 'fresh'): unknown {
    if (isVanished(error)) return new FolderGone(folderId, { cause: error });
    if (error instanceof HoldfastError && error.code === 'mailbox-full') {
      return new DeltaUnavailable('Exchange cannot track changes of this mailbox because it is full.', {
        cause: error,
      });
    }
    // A link that was given out a moment ago and leads elsewhere is an attack or a defect, not old age.
    if (byLink === 'fresh' && error instanceof HoldfastError && error.code === 'foreign-host') return error;
    return byLink === 'none' ? error : expiredWhenLinkFails(error);
  }
}

const isVanished = (error: unknown): boolean =>
  error instanceof HoldfastError && error.errorClass === 'vanished';
