import { Damaged } from '../errors.ts';
import { ObjectType } from '../format/objectTypes.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import { parseFolders, type StoredFolder } from './folders.ts';
import { type Page, parsePage } from './page.ts';

/** Pages read last: enough for the path from a root to a leaf of several folders at once. */
const KEPT_PAGES = 64;

/** Reads tree pages, keeping the last ones parsed. */
export class PageSource {
  readonly #reader: ObjectReader;
  readonly #kept = new Map<string, Page>();

  constructor(reader: ObjectReader) {
    this.#reader = reader;
  }

  async page(id: string): Promise<Page> {
    const known = this.#kept.get(id);
    if (known) return known;
    const { type, plain } = await this.#reader.read(Buffer.from(id, 'hex'));
    if (type !== ObjectType.page)
      throw new Damaged('damaged-page', `Object ${id.slice(0, 16)}… is not a page.`);
    const page = parsePage(plain);
    this.#kept.set(id, page);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_PAGES) break;
      this.#kept.delete(oldest);
    }
    return page;
  }

  async folders(root: string): Promise<StoredFolder[]> {
    const { type, plain } = await this.#reader.read(Buffer.from(root, 'hex'));
    if (type !== ObjectType.folders) {
      throw new Damaged('damaged-page', `Object ${root.slice(0, 16)}… is not a list of folders.`);
    }
    return parseFolders(plain);
  }
}
