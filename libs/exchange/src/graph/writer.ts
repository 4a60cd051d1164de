import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import { identityKeyOf, identityKeyOfItem } from '../message/identityKey.ts';
import { extendedPropertyOf, markerPropertyId, parseMarker } from '../message/restoreJson.ts';
import type {
  BudgetGrant,
  CreatedItem,
  Difference,
  ExistingItem,
  Folder,
  MailboxRef,
  MailboxWriter,
  ReaderStatistics,
  RestorableItem,
} from '../ports.ts';
import { allFolders } from './folders.ts';
import type { GraphLine } from './line.ts';
import { MessageCreator } from './messageCreator.ts';
import { pagesOf, rowsOf } from './paging.ts';
import { ReadBack } from './readBack.ts';

/** OData doubles single quotes inside a literal. */
export const literal = (text: string): string => encodeURIComponent(`'${text.replaceAll("'", "''")}'`);

const expandMarker = `$expand=singleValueExtendedProperties($filter=id%20eq%20${literal(markerPropertyId)})`;
const identityFields = 'id,subject,sentDateTime,from,internetMessageId';

const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof HoldfastError && codes.includes(error.code);

/** Writes a mailbox by Microsoft Graph; see the port for what each method promises. It calls no sending endpoint. */
export class GraphWriter implements MailboxWriter {
  readonly statistics: ReaderStatistics;
  private readonly line: GraphLine;
  private readonly grant: BudgetGrant;
  private readonly userPath: string;
  private readonly creator: MessageCreator;
  private readonly comparison: ReadBack;

  constructor(deps: { line: GraphLine; grant: BudgetGrant; mailbox: MailboxRef }) {
    this.line = deps.line;
    this.grant = deps.grant;
    this.statistics = deps.line.deps.statistics;
    this.userPath = `/users/${encodeURIComponent(deps.mailbox.userId)}`;
    this.creator = new MessageCreator(deps.line, this.userPath);
    this.comparison = new ReadBack(deps.line, this.userPath);
  }

  folders(): Promise<Folder[]> {
    return allFolders(this.line, this.userPath);
  }

  async ensureFolder(parentId: string | null, name: string): Promise<{ id: string; created: boolean }> {
    const path = this.childrenPath(parentId);
    const found = await this.findFolder(path, name);
    if (found !== undefined) return { id: found, created: false };
    try {
      const folder = await this.line.json({
        method: 'POST',
        url: path,
        what: 'making a folder',
        body: JSON.stringify({ displayName: name }),
        // Made twice, the second answer is "exists", which is what we want.
        repeatable: true,
      });
      return { id: textOf(folder.id), created: true };
    } catch (error) {
      if (!isCode(error, 'already-exists')) throw error;
      const id = await this.searchFolder(path, name);
      if (id === undefined) throw error;
      return { id, created: false };
    }
  }

  async *existing(folderId: string): AsyncIterable<ExistingItem[]> {
    const url = `${this.userPath}/mailFolders/${encodeURIComponent(folderId)}/messages?$select=${identityFields}&${expandMarker}`;
    const request = { url, what: 'listing what is in the target folder', prefer: 'odata.maxpagesize=250' };
    for await (const rows of pagesOf(this.line, request)) {
      yield rows.map((row) => {
        const value = extendedPropertyOf(row, markerPropertyId);
        const item: ExistingItem = { id: textOf(row.id), identityKey: identityKeyOf(row) };
        if (value === undefined || value === '') return item;
        const { marker, unfinished } = parseMarker(value);
        return { ...item, marker, ...(unfinished ? { unfinished } : {}) };
      });
    }
  }

  identityKey(item: RestorableItem): string {
    return identityKeyOfItem(item);
  }

  create(folderId: string, item: RestorableItem, marker: string): Promise<CreatedItem> {
    return this.creator.create(folderId, item, marker);
  }

  async removeUnfinished(id: string): Promise<void> {
    const url = `${this.userPath}/messages/${encodeURIComponent(id)}`;
    try {
      const message = await this.line.json({
        url: `${url}?$select=id&${expandMarker}`,
        what: 'looking at an unfinished item',
      });
      const value = extendedPropertyOf(message, markerPropertyId) ?? '';
      // Overwrites only what a restore itself left behind, whatever the caller believes.
      if (!parseMarker(value).unfinished) {
        throw new HoldfastError(
          'item-not-unfinished',
          'ours',
          'The item is not one that a restore left half done, so it is not removed.',
        );
      }
      await this.remove(url);
    } catch (error) {
      if (!(error instanceof HoldfastError && error.errorClass === 'vanished')) throw error;
    }
  }

  readBack(id: string, folderId: string, item: RestorableItem): Promise<Difference[]> {
    return this.comparison.differences(id, folderId, item);
  }

  close(): Promise<void> {
    return this.grant.release();
  }

  /** For good, so that half an item does not turn up in Deleted Items; a plain delete where that is not offered. */
  private async remove(url: string): Promise<void> {
    const what = 'removing an unfinished item';
    try {
      await this.line.text({ method: 'POST', url: `${url}/permanentDelete`, what, repeatable: true });
    } catch (error) {
      if (!isCode(error, 'not-implemented', 'request-refused')) throw error;
      await this.line.text({ method: 'DELETE', url, what });
    }
  }

  private childrenPath(parentId: string | null): string {
    return parentId === null
      ? `${this.userPath}/mailFolders`
      : `${this.userPath}/mailFolders/${encodeURIComponent(parentId)}/childFolders`;
  }

  private async findFolder(path: string, name: string): Promise<string | undefined> {
    const url = `${path}?includeHiddenFolders=true&$select=id,displayName&$filter=displayName%20eq%20${literal(name)}`;
    try {
      const answer = await this.line.json({ url, what: 'looking for a folder' });
      return sameName(rowsOf(answer), name);
    } catch (error) {
      // Some characters of names are more than the filter takes.
      if (!isCode(error, 'request-refused')) throw error;
      return this.searchFolder(path, name);
    }
  }

  private async searchFolder(path: string, name: string): Promise<string | undefined> {
    const url = `${path}?includeHiddenFolders=true&$top=250&$select=id,displayName`;
    for await (const rows of pagesOf(this.line, { url, what: 'looking for a folder' })) {
      const found = sameName(rows, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Exchange takes names that differ in case only for the same. */
function sameName(rows: readonly JsonObject[], name: string): string | undefined {
  const folded = (text: string): string => text.normalize('NFC').trim().toLowerCase();
  const row = rows.map(objectOf).find((r) => folded(textOf(r.displayName)) === folded(name));
  return row === undefined ? undefined : textOf(row.id);
}
