import type { JsonObject } from '@holdfast/contracts';

/** A content that can be read any number of times; its reader checks it when it comes to the end. */
export interface ExportContent {
  /** Bytes. */
  size: number;
  /** Hex SHA-256 of the bytes. */
  sha256: string;
  open(): AsyncIterable<Uint8Array>;
}

export interface LoadedItem {
  /** The message as the source served it; absent for items that are no mail. */
  mime: ExportContent | undefined;
  properties: JsonObject;
}

/** An item of a restore point, in the order in which it is exported. */
export interface ExportItem {
  itemKey: string;
  folderId: string;
  /** Path as the mailbox names it, for the manifest. */
  folderPath: string;
  /** Path of safe names, for files. */
  place: readonly string[];
  /** ISO. */
  time: string;
  subject: string;
  from: string;
  /** Bytes, as listed. */
  size: number;
  /** Read state, flag, categories. */
  state: JsonObject;
  load(): Promise<LoadedItem>;
}

/**
 * Files under relative names (`Inbox/a.eml`). A name appears when its bytes are whole and durable. `writeWhole` may
 * replace what is there; unfinished files are never listed.
 */
export interface ExportPlace {
  /** For messages to people, such as `folder /srv/export`. */
  readonly description: string;
  read(name: string): Promise<Uint8Array | undefined>;
  /** @returns bytes written and their hex SHA-256 */
  writeWhole(name: string, bytes: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }>;
  remove(name: string): Promise<void>;
  /** A file of no name to hold one large item while it is checked. */
  spool(
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<{ open(): AsyncIterable<Uint8Array>; drop(): Promise<void> }>;
}
