import { hash } from 'node:crypto';
import { type Detail, unpackDetail } from '../detail.ts';
import type { Shelf, ShelfPoint } from '../ports.ts';
import type { DocumentRow, SpanRow } from '../tables.ts';

/** Rows as SQLite has them. */
export interface ShelfColumns {
  number: number;
  id: string;
  repository: string;
  mailbox_key: string;
  organization: string;
  mailbox: string;
  address: string;
  indexed_seq: number;
  indexed_root: string | null;
  building: string | null;
  trouble: string | null;
  check_since: number | null;
  check_rebuild: number | null;
}

export function shelfOf(row: ShelfColumns): Shelf {
  return {
    id: row.id,
    number: row.number,
    repositoryId: row.repository,
    mailboxKey: row.mailbox_key,
    organizationId: row.organization,
    mailboxId: row.mailbox,
    address: row.address,
    indexedSeq: row.indexed_seq,
    ...(row.indexed_root === null ? {} : { indexedRoot: row.indexed_root }),
    ...(row.building === null ? {} : { building: JSON.parse(row.building) }),
    ...(row.trouble === null ? {} : { trouble: JSON.parse(row.trouble) }),
    ...(row.check_since === null
      ? {}
      : { check: { since: row.check_since, rebuild: row.check_rebuild === 1 } }),
  };
}

export interface PointColumns {
  shelf: string;
  point: string;
  name: string;
  time: number;
  state: ShelfPoint['state'];
  seq: number | null;
  since: number;
}

export const pointOf = (row: PointColumns): ShelfPoint => ({
  shelfId: row.shelf,
  pointId: row.point,
  pointName: row.name,
  time: row.time,
  state: row.state,
  since: row.since,
  ...(row.seq === null ? {} : { seq: row.seq }),
});

export interface DocumentColumns {
  id: number;
  shelf: number;
  object: Uint8Array;
  time: number;
  size: number;
  kind: string;
  attachments: number;
  subject: string;
  sender: string;
  detail: number;
}

export function documentOf(
  row: DocumentColumns,
  position: string,
  packed: (detail: number) => Uint8Array | undefined,
): DocumentRow {
  let detail: Detail | undefined;
  return {
    id: row.id,
    shelf: row.shelf,
    objectId: Buffer.from(row.object).toString('hex'),
    time: row.time,
    size: row.size,
    kind: row.kind,
    hasAttachments: row.attachments === 1,
    subject: row.subject,
    from: row.sender,
    texts() {
      const bytes = detail === undefined ? packed(row.detail) : undefined;
      detail ??= bytes === undefined ? { to: '', attachments: [], body: '' } : unpackDetail(bytes);
      return { subject: row.subject, from: row.sender, ...detail };
    },
    position,
  };
}

export interface SpanColumns {
  id: number;
  shelf: number;
  folder: string;
  key: string;
  document: number;
  first: number;
  until: number;
  state: string;
}

export const spanOf = (row: SpanColumns): SpanRow => ({
  shelf: row.shelf,
  document: row.document,
  folderId: row.folder,
  key: row.key,
  first: row.first,
  until: row.until,
  state: JSON.parse(row.state),
});

/** 48 bits that stand for a text in an index; the text itself is compared as well. */
export const hashOf = (text: string): number => Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16);

/** 48 bits of an object id (hex). */
export const prefixOf = (objectId: string): number => Number.parseInt(objectId.slice(0, 12), 16);
