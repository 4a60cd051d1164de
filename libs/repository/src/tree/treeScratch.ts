import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { compareSortKeys, type SortKey } from './entries.ts';

/** A pending change of a folder: the entry's text, or null to remove what is there. */
export interface PendingChange extends SortKey {
  text: string | null;
}

/** What a tree writer notes between two commits, and which item lies at which time. */
export interface TreeScratch {
  readonly size: number;
  /** Where an item lies: its time, null when it was removed, undefined when nothing is noted. */
  timeOf(folder: string, key: string): number | null | undefined;
  noteTime(folder: string, key: string, time: number | null): void;
  change(folder: string, at: SortKey): string | null | undefined;
  setChange(folder: string, change: PendingChange): void;
  /** Ascending. Must be read to the end before the next change is made. */
  changes(folder: string): Iterable<PendingChange>;
  clearChanges(): void;
  forgetFolder(folder: string): void;
  close(): void;
}

/** More notes than this move to a file: some 2 MB a tree at most, with hundreds of trees at work. */
const MOST_IN_MEMORY = 2048;

/** Begins in memory and moves to a file in `folder` when it grows. */
export class GrowingScratch implements TreeScratch {
  readonly #newFile: () => TreeScratch;
  readonly #memory = new MemoryScratch();
  #file: TreeScratch | undefined;

  constructor(folder: string, unique: string) {
    this.#newFile = () => new FileScratch(folder, unique);
  }

  get size(): number {
    return this.#current.size;
  }

  timeOf(folder: string, key: string): number | null | undefined {
    return this.#current.timeOf(folder, key);
  }

  noteTime(folder: string, key: string, time: number | null): void {
    this.#current.noteTime(folder, key, time);
    this.#growIfNeeded();
  }

  change(folder: string, at: SortKey): string | null | undefined {
    return this.#current.change(folder, at);
  }

  setChange(folder: string, change: PendingChange): void {
    this.#current.setChange(folder, change);
    this.#growIfNeeded();
  }

  changes(folder: string): Iterable<PendingChange> {
    return this.#current.changes(folder);
  }

  clearChanges(): void {
    this.#current.clearChanges();
  }

  forgetFolder(folder: string): void {
    this.#current.forgetFolder(folder);
  }

  close(): void {
    this.#file?.close();
  }

  get #current(): TreeScratch {
    return this.#file ?? this.#memory;
  }

  #growIfNeeded(): void {
    if (this.#file || this.#memory.size <= MOST_IN_MEMORY) return;
    const file = this.#newFile();
    this.#memory.moveTo(file);
    this.#file = file;
  }
}

class MemoryScratch implements TreeScratch {
  readonly #times = new Map<string, Map<string, number | null>>();
  readonly #changes = new Map<string, Map<string, PendingChange>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  timeOf(folder: string, key: string): number | null | undefined {
    return this.#times.get(folder)?.get(key);
  }

  noteTime(folder: string, key: string, time: number | null): void {
    const times = this.#times.get(folder) ?? new Map<string, number | null>();
    this.#times.set(folder, times);
    if (!times.has(key)) this.#size++;
    times.set(key, time);
  }

  change(folder: string, at: SortKey): string | null | undefined {
    return this.#changes.get(folder)?.get(`${at.time} ${at.key}`)?.text;
  }

  setChange(folder: string, change: PendingChange): void {
    const changes = this.#changes.get(folder) ?? new Map<string, PendingChange>();
    this.#changes.set(folder, changes);
    const name = `${change.time} ${change.key}`;
    if (!changes.has(name)) this.#size++;
    changes.set(name, change);
  }

  changes(folder: string): Iterable<PendingChange> {
    return [...(this.#changes.get(folder)?.values() ?? [])].sort(compareSortKeys);
  }

  clearChanges(): void {
    for (const changes of this.#changes.values()) this.#size -= changes.size;
    this.#changes.clear();
  }

  forgetFolder(folder: string): void {
    this.#size -= (this.#times.get(folder)?.size ?? 0) + (this.#changes.get(folder)?.size ?? 0);
    this.#times.delete(folder);
    this.#changes.delete(folder);
  }

  close(): void {
    this.clearChanges();
  }

  moveTo(other: TreeScratch): void {
    for (const [folder, times] of this.#times) {
      for (const [key, time] of times) other.noteTime(folder, key, time);
    }
    for (const [folder, changes] of this.#changes) {
      for (const change of changes.values()) other.setChange(folder, change);
    }
    this.#times.clear();
    this.#changes.clear();
  }
}

/** One SQLite file, thrown away at the end: no journal, no sync, one transaction that is never committed. */
class FileScratch implements TreeScratch {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #folders = new Map<string, number>();
  readonly #statements: Record<'time' | 'note' | 'change' | 'set' | 'list', StatementSync>;
  #size = 0;

  constructor(folder: string, unique: string) {
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `tree-${unique}.sqlite`);
    rmSync(this.#path, { force: true });
    this.#database = new DatabaseSync(this.#path);
    this.#database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4096');
    this.#database.exec(`
      CREATE TABLE times (folder INTEGER, key BLOB, time INTEGER, PRIMARY KEY (folder, key)) WITHOUT ROWID;
      CREATE TABLE changes (folder INTEGER, time INTEGER, key BLOB, text TEXT, PRIMARY KEY (folder, time, key)) WITHOUT ROWID;
      BEGIN`);
    this.#statements = {
      time: this.#database.prepare('SELECT time FROM times WHERE folder = ? AND key = ?'),
      note: this.#database.prepare('INSERT OR REPLACE INTO times VALUES (?, ?, ?)'),
      change: this.#database.prepare('SELECT text FROM changes WHERE folder = ? AND time = ? AND key = ?'),
      set: this.#database.prepare('INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?)'),
      list: this.#database.prepare('SELECT time, key, text FROM changes WHERE folder = ? ORDER BY time, key'),
    };
  }

  get size(): number {
    return this.#size;
  }

  timeOf(folder: string, key: string): number | null | undefined {
    const row = this.#statements.time.get(this.#number(folder), orderedKey(key)) as
      | { time: number | null }
      | undefined;
    return row?.time;
  }

  noteTime(folder: string, key: string, time: number | null): void {
    this.#statements.note.run(this.#number(folder), orderedKey(key), time);
    this.#size++;
  }

  change(folder: string, at: SortKey): string | null | undefined {
    const row = this.#statements.change.get(this.#number(folder), at.time, orderedKey(at.key)) as
      | { text: string | null }
      | undefined;
    return row?.text;
  }

  setChange(folder: string, { key, text, time }: PendingChange): void {
    this.#statements.set.run(this.#number(folder), time, orderedKey(key), text);
    this.#size++;
  }

  *changes(folder: string): Iterable<PendingChange> {
    for (const row of this.#statements.list.iterate(this.#number(folder)) as Iterable<unknown>) {
      const { key, text, time } = row as { key: Uint8Array; text: string | null; time: number };
      yield { time, key: Buffer.from(key).swap16().toString('utf16le'), text };
    }
  }

  clearChanges(): void {
    this.#database.exec('DELETE FROM changes');
  }

  forgetFolder(folder: string): void {
    const number = this.#number(folder);
    this.#database.prepare('DELETE FROM times WHERE folder = ?').run(number);
    this.#database.prepare('DELETE FROM changes WHERE folder = ?').run(number);
  }

  close(): void {
    this.#database.close();
    rmSync(this.#path, { force: true });
  }

  #number(folder: string): number {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    this.#folders.set(folder, this.#folders.size);
    return this.#folders.size - 1;
  }
}

/** Big-endian UTF-16: bytes in the order of code units. */
function orderedKey(key: string): Buffer {
  return Buffer.from(key, 'utf16le').swap16();
}
