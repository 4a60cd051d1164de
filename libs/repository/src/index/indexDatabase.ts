import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { EngineRefusal } from '../errors.ts';
import type { Codec } from '../format/compression.ts';
import type { ObjectType } from '../format/objectTypes.ts';
import type { Segment, SegmentPack } from '../format/segment.ts';

/** Where an object lies. */
export interface Location {
  packName: string;
  packOrdinal: number;
  offset: number;
  bodyLength: number;
  rawLength: number;
  type: ObjectType;
  codec: Codec;
}

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS segment_replaces (segment TEXT, replaced TEXT, PRIMARY KEY (segment, replaced)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS packs (ordinal INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, size INTEGER, created_at INTEGER);
  CREATE TABLE IF NOT EXISTS segment_packs (segment TEXT, pack INTEGER, PRIMARY KEY (segment, pack)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS objects (id BLOB, pack INTEGER, at INTEGER, body INTEGER, raw INTEGER, flags INTEGER,
    PRIMARY KEY (id, pack)) WITHOUT ROWID;
`;

interface ObjectRow {
  pack: number;
  at: number;
  body: number;
  raw: number;
  flags: number;
}

/**
 * The local copy of the index: one SQLite file for each repository and cache folder, shared by the processes
 * of a host (WAL), rebuilt from the segments at will. It is always the union of the segments applied to it.
 */
export class IndexDatabase {
  readonly #database: DatabaseSync;
  readonly #findObject: StatementSync;
  readonly #insertObject: StatementSync;
  readonly #packNames = new Map<number, string>();

  constructor(folder: string, repositoryId: string) {
    this.#database = openDatabase(join(folder, repositoryId));
    this.#findObject = this.#database.prepare('SELECT pack, at, body, raw, flags FROM objects WHERE id = ?');
    this.#insertObject = this.#database.prepare('INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, ?)');
  }

  find(id: Uint8Array): Location[] {
    const rows = this.#findObject.all(id) as unknown as ObjectRow[];
    return rows.map((row) => ({
      packName: this.#packName(row.pack),
      packOrdinal: row.pack,
      offset: row.at,
      bodyLength: row.body,
      rawLength: row.raw,
      type: (row.flags & 15) as ObjectType,
      codec: (row.flags >> 4) as Codec,
    }));
  }

  appliedSegments(): Set<string> {
    return new Set(this.#column('SELECT name FROM segments'));
  }

  /** Names of segments that an applied segment makes void. */
  replacedSegments(): Set<string> {
    return new Set(this.#column('SELECT replaced FROM segment_replaces'));
  }

  packNames(): Set<string> {
    return new Set(this.#column('SELECT name FROM packs WHERE ordinal IN (SELECT pack FROM segment_packs)'));
  }

  packs(): SegmentPack[] {
    const rows = this.#database
      .prepare(
        'SELECT name, size, created_at FROM packs WHERE ordinal IN (SELECT pack FROM segment_packs) ORDER BY name',
      )
      .all() as unknown as { name: string; size: number; created_at: number }[];
    return rows.map((row) => ({ name: row.name, size: row.size, createdAt: row.created_at }));
  }

  /** Adds a segment in one transaction; doing it twice changes nothing. */
  apply(name: string, segment: Segment): void {
    this.#transaction(() => {
      const known = this.#database.prepare('SELECT 1 FROM segments WHERE name = ?').get(name);
      if (known) return;
      this.#database.prepare('INSERT INTO segments VALUES (?)').run(name);
      const replaces = this.#database.prepare('INSERT OR IGNORE INTO segment_replaces VALUES (?, ?)');
      for (const replaced of segment.replaces) replaces.run(name, replaced);
      const ordinals = segment.packs.map((pack) => this.#addPack(name, pack));
      for (const entry of segment.entries) {
        const ordinal = ordinals[entry.pack];
        if (ordinal === undefined) continue;
        const flags = entry.type | (entry.codec << 4);
        this.#insertObject.run(entry.id, ordinal, entry.offset, entry.bodyLength, entry.rawLength, flags);
      }
    });
  }

  /** Takes segments out; objects whose packs no segment lists any more go with them. */
  remove(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#transaction(() => {
      for (const table of ['segment_packs', 'segment_replaces']) {
        const statement = this.#database.prepare(`DELETE FROM ${table} WHERE segment = ?`);
        for (const name of names) statement.run(name);
      }
      const statement = this.#database.prepare('DELETE FROM segments WHERE name = ?');
      for (const name of names) statement.run(name);
      // One pass over all objects: there is no index by pack, because this happens once a day at most.
      const orphaned = 'SELECT ordinal FROM packs WHERE ordinal NOT IN (SELECT pack FROM segment_packs)';
      const any = this.#database.prepare(`${orphaned} LIMIT 1`).get();
      if (any) this.#database.exec(`DELETE FROM objects WHERE pack IN (${orphaned})`);
    });
  }

  /** How many objects, counting copies in several packs. */
  count(): number {
    return (this.#database.prepare('SELECT count(*) AS n FROM objects').get() as { n: number }).n;
  }

  /** Sums by type of object, distinct objects only. */
  totals(): { type: number; objects: number; rawBytes: number; bodyBytes: number }[] {
    const rows = this.#database
      .prepare(
        `SELECT flags & 15 AS type, count(*) AS objects, sum(raw) AS rawBytes, sum(body) AS bodyBytes
         FROM (SELECT id, flags, raw, min(body) AS body FROM objects GROUP BY id) GROUP BY flags & 15`,
      )
      .all();
    return rows as unknown as { type: number; objects: number; rawBytes: number; bodyBytes: number }[];
  }

  /** All ids in ascending order, in slices. */
  *ids(): Generator<Uint8Array> {
    const rows = this.#database.prepare('SELECT id FROM objects').iterate() as Iterable<unknown>;
    for (const row of rows) yield (row as { id: Uint8Array }).id;
  }

  /** How many objects lie in each pack, by its name. */
  objectsByPack(): Map<string, number> {
    const rows = this.#database
      .prepare('SELECT pack, count(*) AS objects FROM objects GROUP BY pack')
      .all() as unknown as { pack: number; objects: number }[];
    return new Map(rows.map(({ pack, objects }) => [this.#packName(pack), objects]));
  }

  /** Drops everything, for a rebuild. */
  clear(): void {
    this.#transaction(() => {
      for (const table of ['segments', 'segment_replaces', 'segment_packs', 'objects', 'packs']) {
        this.#database.exec(`DELETE FROM ${table}`);
      }
    });
    this.#packNames.clear();
  }

  close(): void {
    this.#database.close();
  }

  #addPack(segment: string, pack: SegmentPack): number {
    this.#database
      .prepare('INSERT OR IGNORE INTO packs (name, size, created_at) VALUES (?, ?, ?)')
      .run(pack.name, pack.size, pack.createdAt);
    const row = this.#database.prepare('SELECT ordinal FROM packs WHERE name = ?').get(pack.name) as {
      ordinal: number;
    };
    this.#database.prepare('INSERT OR IGNORE INTO segment_packs VALUES (?, ?)').run(segment, row.ordinal);
    return row.ordinal;
  }

  #packName(ordinal: number): string {
    const known = this.#packNames.get(ordinal);
    if (known !== undefined) return known;
    const row = this.#database.prepare('SELECT name FROM packs WHERE ordinal = ?').get(ordinal) as {
      name: string;
    };
    // 100 bytes a pack, 16,000 packs at ten million items.
    this.#packNames.set(ordinal, row.name);
    return row.name;
  }

  #column(query: string): string[] {
    const statement = this.#database.prepare(query);
    statement.setReturnArrays(true);
    return (statement.all() as unknown as string[][]).map((row) => row[0] ?? '');
  }

  #transaction(action: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      action();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

/** A file that is not a database of this schema is thrown away: it is a cache. */
function openDatabase(folder: string): DatabaseSync {
  const path = join(folder, 'index.sqlite');
  try {
    mkdirSync(folder, { recursive: true });
    return tryOpen(path) ?? recreate(path);
  } catch (cause) {
    throw new EngineRefusal(
      'cache-unusable',
      `The cache folder ${folder} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Give the account that runs Holdfast write permission on the cache folder and free space on its disk.',
      { cause },
    );
  }
}

function recreate(path: string): DatabaseSync {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  const database = tryOpen(path);
  if (!database) throw new Error(`${path} cannot be made`);
  return database;
}

function tryOpen(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path);
  try {
    // Other processes of the host may be applying a large segment.
    database.exec('PRAGMA busy_timeout = 60000');
    database.exec('PRAGMA journal_mode = WAL');
    // A cache need not survive a power cut whole, only consistent: WAL with NORMAL gives that.
    database.exec('PRAGMA synchronous = NORMAL');
    database.exec('PRAGMA cache_size = -32768');
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as {
      user_version: number;
    };
    if (version !== 0 && version !== SCHEMA_VERSION) throw new Error(`schema ${version}`);
    database.exec(SCHEMA);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    return database;
  } catch (error) {
    database.close();
    const damaged = error instanceof Error && /not a database|malformed|schema/.test(error.message);
    if (damaged) return undefined;
    throw error;
  }
}
