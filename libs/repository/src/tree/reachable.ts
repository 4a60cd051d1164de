import { parseRecipe, parseReferences } from '../format/itemObject.ts';
import { ObjectType, PackKind, packKindOf } from '../format/objectTypes.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import { parseFolders } from './folders.ts';
import { itemOf, parsePage } from './page.ts';

/**
 * Every object that a tree needs, the root included. Reads metadata alone: what an item needs beside itself
 * stands in its `references` object. `visited` lets several trees share the work: ids in it are not entered.
 */
export async function* reachableObjects(
  reader: ObjectReader,
  root: Uint8Array,
  visited: { has(id: Uint8Array): boolean; add(id: Uint8Array): void } = new IdSet(),
): AsyncIterable<Uint8Array> {
  const stack: Uint8Array[] = [root];
  for (let id = stack.pop(); id; id = stack.pop()) {
    if (visited.has(id)) continue;
    visited.add(id);
    yield id;
    const type = await reader.typeOf(id);
    // What is not there is yielded and not entered: the caller misses it.
    if (type === undefined || packKindOf(type) === PackKind.data) continue;
    const { plain } = await reader.read(id);
    for (const child of childrenOf(type, plain)) stack.push(child);
  }
}

/** The ids that a metadata object names. */
export function childrenOf(type: ObjectType, plain: Buffer): Uint8Array[] {
  switch (type) {
    case ObjectType.folders:
      return parseFolders(plain).flatMap(({ root }) => (root ? [Buffer.from(root, 'hex')] : []));
    case ObjectType.page:
      return parsePage(plain).entries.map((entry) =>
        Buffer.from(entry.child ?? itemOf(entry).objectId, 'hex'),
      );
    case ObjectType.references: {
      const { item, objects } = parseReferences(plain);
      return [item, ...objects];
    }
    case ObjectType.recipe:
      return parseRecipe(plain).segments;
    default:
      return [];
  }
}

/** A set of ids as 32-letter strings. */
export class IdSet {
  readonly #ids = new Set<string>();

  has(id: Uint8Array): boolean {
    return this.#ids.has(letters(id));
  }

  add(id: Uint8Array): void {
    this.#ids.add(letters(id));
  }

  get size(): number {
    return this.#ids.size;
  }
}

function letters(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1');
}
