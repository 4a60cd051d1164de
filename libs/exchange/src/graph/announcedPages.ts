import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { askParts, jsonOf, type PartResult, partsOfMailbox } from './batch.ts';
import type { BufferPool } from './bufferPool.ts';
import { AnswerTooLarge, type GraphLine } from './line.ts';

/** A stored link that will be asked for. */
export interface AnnouncedLink {
  link: string;
  /** Preferences of its request, for a page of at most so many rows. */
  prefer: (mostRows: number) => string;
}

/** Links that are asked for in one batch, and what came of them and was not taken yet. */
interface Group {
  links: readonly { url: string; announced: AnnouncedLink }[];
  asked: Promise<void> | undefined;
  pages: Map<string, { ok: true; body: Uint8Array } | { ok: false; error: unknown }>;
}

/** Rows that all pages of a batch have together at most; of messages with their bodies some 4 MB. */
const mostRows = 200;
/** An answer above this is not read: the pages are asked for one by one. */
const mostAnswerBytes = 32 * 1024 * 1024;
/** Smaller pages are not worth memory of the pool, whose pieces are not smaller. */
const smallPage = 16 * 1024;
const openBrace = 0x7b;

/** Refusals of batches as such: by a proxy, or by a cloud that has none. What is refused by them may be had alone. */
const refusals = new Set<unknown>([400, 403, 404, 405, 413, 501]);

const isRefusal = (error: unknown): boolean =>
  error instanceof AnswerTooLarge ||
  (error instanceof HoldfastError &&
    (error.code === 'foreign-host' ||
      error.cause instanceof SyntaxError ||
      refusals.has(error.details.status)));

/** A part may be refused for what a batch is: too large, or a request that is not taken in one. */
const mayComeAlone = ({ errorClass, details }: HoldfastError): boolean =>
  errorClass === 'ours' || details.status === 413;

/**
 * First pages behind links that a caller announced: asked for together in batches, one after the other as they are
 * wanted, so that a mailbox in which nothing happened costs one exchange. Each is handed out once; what a batch cannot
 * give is left to be asked for alone.
 */
export class AnnouncedPages {
  readonly #line: GraphLine;
  readonly #memory: BufferPool;
  readonly #groups = new Set<Group>();
  readonly #waiting = new Map<string, Group>();
  /** There are no batches to be had for this mailbox. */
  #refused = false;
  #closed = false;

  constructor(line: GraphLine, memory: BufferPool) {
    this.#line = line;
    this.#memory = memory;
  }

  /** Takes the links in the order in which they will be wanted. Links out of the cloud are left out. */
  announce(announced: readonly AnnouncedLink[]): void {
    const links = announced.flatMap((one) => {
      const url = this.#line.pathOf(one.link);
      return url === undefined || this.#waiting.has(one.link) ? [] : [{ url, announced: one }];
    });
    const size = partsOfMailbox(this.#line.deps.gate);
    for (let at = 0; at < links.length; at += size) {
      const group: Group = { links: links.slice(at, at + size), asked: undefined, pages: new Map() };
      // One alone is no batch.
      if (group.links.length === 1) return;
      this.#groups.add(group);
      for (const { announced: one } of group.links) this.#waiting.set(one.link, group);
    }
  }

  /**
   * What `parse` makes of the page behind a link, whose bytes then belong to the caller; undefined where it is to be
   * asked for alone. @throws what the service said of this link, as its own request would
   */
  async take<T>(link: string, parse: (bytes: Uint8Array) => T): Promise<T | undefined> {
    const group = this.#waiting.get(link);
    if (group === undefined) return undefined;
    this.#waiting.delete(link);
    group.asked ??= this.#ask(group);
    await group.asked;
    const page = group.pages.get(link);
    group.pages.delete(link);
    if (page === undefined) return undefined;
    if (!page.ok) throw page.error;
    try {
      return parse(page.body);
    } catch (error) {
      this.#memory.give(page.body);
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** As `take`, for a page that is read as a whole. */
  async takeJson(link: string): Promise<JsonObject | undefined> {
    return this.take(link, (bytes) => {
      const json = jsonOf(bytes);
      this.#memory.give(bytes);
      return json;
    });
  }

  /** Gives back what nobody took, also what is still to come. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    for (const group of this.#groups) this.#giveBack(group);
  }

  /** Never rejects: who takes a page sees what happened. */
  async #ask(group: Group): Promise<void> {
    if (this.#refused) return;
    const rows = Math.max(1, Math.floor(mostRows / group.links.length));
    const parts = group.links.map(({ url, announced }, n) => ({
      id: String(n),
      url,
      prefer: announced.prefer(rows),
    }));
    try {
      await askParts(this.#line, parts, {
        what: 'asking for changes',
        perMailbox: true,
        memory: this.#memory,
        mostBytes: mostAnswerBytes,
        read: (body) => this.#copyOf(body),
        settle: (id, result) => settle(group, Number(id), result),
      });
    } catch (error) {
      if (!isRefusal(error)) return fail(group, error);
      this.#refused = true;
      this.#line.deps.logger?.debug({ error: String(error) }, 'no batches: changes are asked for one by one');
    } finally {
      if (this.#closed) this.#giveBack(group);
    }
  }

  /** The pages of a batch lie in one memory, and each is given back at its own time. */
  #copyOf(body: Uint8Array): Uint8Array {
    if (body.byteLength < smallPage) return Buffer.from(body);
    const copy = this.#memory.take(body.byteLength);
    copy.set(body);
    return copy;
  }

  #giveBack(group: Group): void {
    for (const page of group.pages.values()) if (page.ok) this.#memory.give(page.body);
    group.pages.clear();
    this.#groups.delete(group);
  }
}

function settle(group: Group, n: number, result: PartResult<Uint8Array>): void {
  const link = group.links[n]?.announced.link;
  if (link === undefined) return;
  // A body that is no object, such as one in base64, is no page.
  const isUsable = result.ok ? result.body[0] === openBrace : result.isFinal && !mayComeAlone(result.error);
  if (isUsable) group.pages.set(link, result);
}

function fail(group: Group, error: unknown): void {
  for (const { announced } of group.links) {
    if (!group.pages.has(announced.link)) group.pages.set(announced.link, { ok: false, error });
  }
}
