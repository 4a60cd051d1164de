/**
 * A process that counts: started by tests of several processes on one store, as
 * `node incrementProcess.ts <store url> <document id> <how often> <how many at once>`.
 * Each line of its output is an increment that the store has acknowledged.
 */
import { writeSync } from 'node:fs';
import { insertIfAbsent } from '../insertIfAbsent.ts';
import { modify } from '../modify.ts';
import { openStore } from '../openStore.ts';
import { thing, things } from './things.ts';

const [url = '', id = '', times = '0', atOnce = '1'] = process.argv.slice(2);
const store = await openStore(url);
const collection = store.collection(things);
await insertIfAbsent(collection, thing(id, { size: 0 }));

let started = 0;
async function increment(): Promise<void> {
  while (started < Number(times)) {
    started += 1;
    const changed = await modify(collection, id, (doc) => ({ ...doc, size: (doc.size ?? 0) + 1 }));
    if (changed === undefined) throw new Error(`${id} is gone`);
    // Synchronous: a line that was written counts even if the process dies right after.
    writeSync(1, `${changed.version}\n`);
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, increment));
await store.close();
