import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Catalog,
  type CatalogQuery,
  openCatalog,
  parseSearch,
  type ShelfBatch,
} from '@holdfast/catalog';
import { type BenchRow, folderBytes, judged, percentile } from './measure.ts';
import { documentsOf, randomOf, vocabularyOf, zipf } from './searchCorpus.ts';

const itemsOfMailbox = 10_000;
const differentWords = 200_000;
const searches = 200;
const batchItems = 200;

interface Filled {
  mailboxes: number;
  textBytes: number;
  seconds: number;
}

const emptyBatch = (): ShelfBatch => ({
  documents: [],
  placed: [],
  removed: [],
  foldersPlaced: [],
  foldersRemoved: [],
});

/** Writes as the indexer does: mailbox by mailbox, batches of 200. The generator's time does not count. */
async function fill(
  catalog: Catalog,
  items: number,
  words: readonly string[],
  say: (line: string) => void,
): Promise<Filled> {
  const mailboxes = Math.max(1, Math.round(items / itemsOfMailbox));
  const filled: Filled = { mailboxes, textBytes: 0, seconds: 0 };
  for (let mailbox = 0; mailbox < mailboxes; mailbox++) {
    const mailboxKey = mailbox.toString(16).padStart(32, '0');
    const facts = {
      repositoryId: 'repo',
      mailboxKey,
      organizationId: 'org',
      address: `m${mailbox}@x.example`,
    };
    const { id } = await catalog.openShelf({ ...facts, mailboxId: `m${mailbox}` });
    await catalog.beginPoint(id, { pointId: 'p', pointName: 'p', time: Date.UTC(2026, 0, 1), root: 'r' });
    let batch = emptyBatch();
    batch.foldersPlaced = Array.from({ length: 20 }, (_, n) => ({
      id: `f${n}`,
      parentId: null,
      name: `F${n}`,
    }));
    const flush = async (): Promise<void> => {
      const started = performance.now();
      await catalog.write(id, batch);
      filled.seconds += (performance.now() - started) / 1000;
      batch = emptyBatch();
    };
    let n = 0;
    for (const { document, textBytes } of documentsOf(Math.round(items / mailboxes), words, mailbox + 1)) {
      filled.textBytes += textBytes;
      batch.documents.push(document);
      const { objectId } = document;
      const key = `AAMkAGI2TG93AAA${objectId.slice(0, 12)}${'x'.repeat(100)}`;
      batch.placed.push({ folderId: `f${n++ % 20}`, key, objectId, state: { isRead: true } });
      if (batch.documents.length >= batchItems) await flush();
    }
    await flush();
    await catalog.commitPoint(id);
    if (mailbox % 10 === 9)
      say(`${(mailbox + 1) * itemsOfMailbox} items, ${filled.seconds.toFixed(0)} s of writing`);
  }
  return filled;
}

/** What people look for: words in proportion to their frequency, parts of four letters out of them. */
function questions(words: readonly string[], mailboxes: number): Record<string, () => Partial<CatalogQuery>> {
  const random = randomOf(99);
  const word = () => words[zipf(random, words.length)] as string;
  const longWord = () => {
    for (;;) {
      const found = word();
      if (found.length >= 6) return found;
    }
  };
  const part = () => {
    const whole = longWord();
    const at = Math.floor(random() * (whole.length - 4));
    return parseSearch(`*${whole.slice(at, at + 4)}*`);
  };
  const scope = () => ({ mailboxIds: [`m${Math.floor(random() * mailboxes)}`] });
  return {
    'a word': () => parseSearch(word()),
    'two words': () => parseSearch(`${word()} ${word()}`),
    'a word, best first': () => ({ ...parseSearch(word()), order: 'rank' }),
    'a word in one mailbox': () => ({ ...parseSearch(word()), scope: scope() }),
    'the beginning of a word': () => parseSearch(`${longWord().slice(0, 4)}*`),
    'a part of a word, 4 letters': () => part(),
    'a part of a word in one mailbox': () => ({ ...part(), scope: scope() }),
  };
}

const gates: Readonly<Record<string, string>> = {
  'a word': '<= 150',
  'a part of a word, 4 letters': '<= 400',
};

/** Time of searches over many items in the embedded store, and the size of the index. */
export async function benchSearch(options: {
  items: number;
  say: (line: string) => void;
}): Promise<BenchRow[]> {
  const { items, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-search-'));
  const url = `sqlite:${join(folder, 'catalog.db')}`;
  const words = vocabularyOf(differentWords, 5);
  try {
    const writing = await openCatalog(url);
    const { mailboxes, textBytes, seconds } = await fill(writing, items, words, say);
    await writing.close();
    const rows: BenchRow[] = [
      { bar: 'catalog, items written', unit: 'items/s', ours: items / seconds },
      { bar: 'catalog, size / text', unit: 'ratio', ours: folderBytes(folder) / textBytes },
      { bar: 'catalog, size', unit: 'bytes/item', ours: folderBytes(folder) / items },
    ];
    const catalog = await openCatalog(url);
    for (const [name, make] of Object.entries(questions(words, mailboxes))) {
      const times: number[] = [];
      for (let n = 0; n < searches; n++) {
        const query = make();
        const started = performance.now();
        await catalog.search({
          ...{ scope: { organizationIds: ['org'] }, asOf: { kind: 'ever' }, order: 'date', limit: 50 },
          ...{ terms: [], ...query },
        } as CatalogQuery);
        times.push(performance.now() - started);
      }
      const gate = gates[name];
      const row = { bar: `search, ${name}, p95`, unit: 'ms', ours: percentile(times, 0.95) };
      rows.push(judged(gate === undefined ? row : { ...row, gate }));
      say(`${name}: p50 ${percentile(times, 0.5).toFixed(1)} ms, p95 ${row.ours.toFixed(1)} ms`);
    }
    await catalog.close();
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
