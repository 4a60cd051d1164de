import type { Gap, JsonObject, LedgerLine, PlanLine, RestoreSession } from '@holdfast/contracts';
import type { InterruptReason } from './errors.ts';

/** A folder of a restore point with the number of its items. */
export interface PointFolder {
  id: string;
  parentId: string | null;
  name: string;
  role?: string;
  hidden?: boolean;
  /** Container class such as `IPF.Note`, where the backup knows it. */
  class?: string;
  count: number;
}

/** An item of a restore point as its tree lists it. */
export interface PointItem {
  key: string;
  /** ms since epoch */
  time: number;
  objectId: string;
  /** Bytes of the MIME. */
  size: number;
  state: JsonObject;
  summary: JsonObject;
}

/** Where to go on in a folder. */
export interface ItemPlace {
  time: number;
  key: string;
}

/** Bytes that can be read any number of times, in pieces. */
export interface StoredBytes {
  size: number;
  /** Hex. */
  sha256: string;
  open(): AsyncIterable<Uint8Array>;
}

/** A stored item; contents are read when they are opened. */
export interface StoredItem {
  properties: JsonObject;
  mime:
    | (StoredBytes & { parts: { path: string; size: number; open(): AsyncIterable<Uint8Array> }[] })
    | undefined;
  extraParts: (StoredBytes & { name: string })[];
}

/** One restore point, readable without anything but its repository. */
export interface PointContents {
  folders(): Promise<PointFolder[]>;
  /** By time; an unknown folder has none. */
  items(folderId: string, options?: { newestFirst?: boolean; after?: ItemPlace }): AsyncIterable<PointItem>;
  read(objectId: string): Promise<StoredItem>;
  readonly gaps: readonly Gap[];
}

/** The session in the control data, written only while it is ours (epoch). */
export interface SessionBook {
  /** @throws SessionTaken when the epoch is another's or the session has ended */
  change(change: (session: RestoreSession) => RestoreSession): Promise<RestoreSession>;
}

/** The ledger of one part of a session. */
export interface Ledger {
  /** In order of the plan. */
  lines(): AsyncIterable<LedgerLine>;
  /** A line that is there already stays as it is. */
  add(line: LedgerLine): Promise<void>;
}

/** Where one planning of a session is written, page by page. */
export interface PlanWriter {
  add(part: number, lines: readonly PlanLine[]): Promise<void>;
}

/** Asked between items: why to leave now, if at all. */
export type InterruptionCheck = () => Promise<InterruptReason | undefined>;
