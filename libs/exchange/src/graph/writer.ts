import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { contentSignOf, expectedMessage } from '../message/compareMessages.ts';
import { listedProperties, objectOf, textOf } from '../message/graphMessage.ts';
import { identityKeyOf, identityKeyOfItem } from '../message/identityKey.ts';
import {
  extendedPropertyOf,
  markerPropertyId,
  parseMarker,
  replacesPropertyId,
} from '../message/restoreJson.ts';
import type {
  BudgetGrant,
  ContentComparison,
  CreatedItem,
  Difference,
  ExistingItem,
  Folder,
  MailboxRef,
  MailboxWriter,
  NewFolder,
  ReaderStatistics,
  RestorableItem,
} from '../ports.ts';
import { containerClass } from './folderRows.ts';
import { allFolders } from './folders.ts';
import type { GraphLine } from './line.ts';
import { MessageCreator } from './messageCreator.ts';
import { pagesOf, rowsOf } from './paging.ts';
import { ReadBack } from './readBack.ts';
import { isOutcomeUnknown } from './retryPolicy.ts';

/** OData doubles single quotes inside a literal. */
export const literal = (text: string): string => encodeURIComponent(`'${text.replaceAll("'", "''")}'`);

const ourProperties = [markerPropertyId, replacesPropertyId].map((id) => `id%20eq%20${literal(id)}`);
const expandMarker = `$expand=singleValueExtendedProperties($filter=${ourProperties.join('%20or%20')})`;
const identityFields = 'id,subject,sentDateTime,from,internetMessageId';
/** What a content sign is made of; pages are smaller, for the bodies. */
const contentFields = listedProperties.join(',');
/** The class that a mail folder has without being asked for one. */
const plainClass = 'IPF.Note';

const mostRemovals = 3;

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

  async ensureFolder(
    parentId: string | null,
    name: string,
    { hidden, folderClass }: NewFolder = {},
  ): Promise<{ id: string; created: boolean }> {
    const path = this.childrenPath(parentId);
    const found = await this.findFolder(path, name);
    if (found !== undefined) return { id: found, created: false };
    try {
      const folder = await this.line.json({
        method: 'POST',
        url: path,
        what: 'making a folder',
        body: JSON.stringify({
          displayName: name,
          ...(hidden === true ? { isHidden: true } : {}),
          ...(folderClass === undefined || folderClass === plainClass
            ? {}
            : { singleValueExtendedProperties: [{ id: containerClass, value: folderClass }] }),
        }),
        // Made twice, the second answer is "exists", which is what we want.
        repeatable: true,
      });
      return { id: textOf(folder.id), created: true };
    } catch (error) {
      if (!isCode(error, 'already-exists')) throw error;
      const id = await this.searchFolder(path, name);
      if (id !== undefined) return { id, created: false };
      // Calendars, contacts and tasks have folders too; they are no mail folders, but the name is theirs.
      throw new HoldfastError(
        'folder-of-another-class',
        'permanent-item',
        `The name "${name}" belongs to a folder of the target that holds no mail.`,
        { remedy: 'Rename that folder, or restore into a folder of its own.', cause: error },
      );
    }
  }

  async *existing(
    folderId: string,
    { content }: { content?: ContentComparison | undefined } = {},
  ): AsyncIterable<ExistingItem[]> {
    const select = content === undefined ? identityFields : contentFields;
    const request = {
      url: `${this.messagesPath(folderId)}?$select=${select}&${expandMarker}`,
      what: 'listing what is in the target folder',
      prefer:
        content === undefined ? 'odata.maxpagesize=250' : 'odata.maxpagesize=100, outlook.allow-unsafe-html',
    };
    for await (const rows of pagesOf(this.line, request)) yield rows.map((row) => existingOf(row, content));
  }

  async sameAs(folderId: string, item: RestorableItem): Promise<ExistingItem[]> {
    const wanted = identityKeyOfItem(item);
    const messageId = textOf(item.properties.internetMessageId);
    const found: ExistingItem[] = [];
    if (messageId === '') {
      for await (const page of this.existing(folderId)) found.push(...page);
    } else {
      const filter = `$filter=internetMessageId%20eq%20${literal(messageId)}`;
      const url = `${this.messagesPath(folderId)}?$select=${identityFields}&${filter}&${expandMarker}`;
      const pages = pagesOf(this.line, { url, what: 'looking for an item in the target folder' });
      for await (const rows of pages) found.push(...rows.map((row) => existingOf(row, undefined)));
    }
    return found.filter(({ identityKey }) => identityKey === wanted);
  }

  identityKey(item: RestorableItem): string {
    return identityKeyOfItem(item);
  }

  contentSign(item: RestorableItem, { ignoring }: ContentComparison): string {
    return contentSignOf(expectedMessage(item), ignoring);
  }

  create(
    folderId: string,
    item: RestorableItem,
    marker: string,
    { replaces }: { replaces?: string | undefined } = {},
  ): Promise<CreatedItem> {
    return this.creator.create(folderId, item, marker, replaces);
  }

  async removeReplaced(newId: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const replaced = await this.replacedBy(newId);
      if (replaced === undefined) return;
      try {
        const what = 'removing an item that was replaced';
        await this.line.text({ method: 'DELETE', url: this.messagePath(replaced), what });
        return;
      } catch (error) {
        if (error instanceof HoldfastError && error.errorClass === 'vanished') return;
        if (!isOutcomeUnknown(error) || tries >= mostRemovals) throw error;
      }
    }
  }

  /**
   * The item that a new one replaces, as long as it is beside it: deleted once more in Recoverable Items, it would be
   * gone for good.
   */
  private async replacedBy(newId: string): Promise<string | undefined> {
    const made = await this.line.json({
      url: `${this.messagePath(newId)}?$select=id,parentFolderId&${expandMarker}`,
      what: 'looking at an item that replaces another',
    });
    const replaced = extendedPropertyOf(made, replacesPropertyId) ?? '';
    const { marker, unfinished } = parseMarker(extendedPropertyOf(made, markerPropertyId) ?? '');
    if (replaced === '' || marker === '' || unfinished) {
      throw new HoldfastError(
        'item-replaces-nothing',
        'ours',
        'The item was not made by a restore to replace another one, so nothing is removed.',
      );
    }
    try {
      const url = `${this.messagePath(replaced)}?$select=id,parentFolderId`;
      const old = await this.line.json({ url, what: 'looking at an item that is replaced' });
      return textOf(old.parentFolderId) === textOf(made.parentFolderId) ? replaced : undefined;
    } catch (error) {
      if (!(error instanceof HoldfastError && error.errorClass === 'vanished')) throw error;
      return undefined;
    }
  }

  async removeUnfinished(id: string): Promise<void> {
    const url = this.messagePath(id);
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

  private messagePath(id: string): string {
    return `${this.userPath}/messages/${encodeURIComponent(id)}`;
  }

  private messagesPath(folderId: string): string {
    return `${this.userPath}/mailFolders/${encodeURIComponent(folderId)}/messages`;
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

function existingOf(row: JsonObject, content: ContentComparison | undefined): ExistingItem {
  const replaces = extendedPropertyOf(row, replacesPropertyId) ?? '';
  const { marker, unfinished } = parseMarker(extendedPropertyOf(row, markerPropertyId) ?? '');
  return {
    id: textOf(row.id),
    identityKey: identityKeyOf(row),
    ...(marker === '' ? {} : { marker }),
    ...(unfinished ? { unfinished } : {}),
    ...(replaces === '' ? {} : { replaces }),
    ...(content === undefined ? {} : { contentSign: contentSignOf(row, content.ignoring) }),
  };
}

/** Exchange takes names that differ in case only for the same. */
function sameName(rows: readonly JsonObject[], name: string): string | undefined {
  const folded = (text: string): string => text.normalize('NFC').trim().toLowerCase();
  const row = rows.map(objectOf).find((r) => folded(textOf(r.displayName)) === folded(name));
  return row === undefined ? undefined : textOf(row.id);
}
