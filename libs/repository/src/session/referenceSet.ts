/**
 * Ids of stored objects that this session relies on without having stored them itself: what must be copied
 * out of a pack when that pack is condemned. 33 bytes an id in one open-addressing table; adding twice is free.
 */
export class ReferenceSet {
  #capacity = 1024;
  #bytes = new Uint8Array(this.#capacity * 32);
  #used = new Uint8Array(this.#capacity);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  add(id: Uint8Array): void {
    if (this.#count * 2 >= this.#capacity) this.#grow();
    if (this.#insert(id)) this.#count++;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (this.#used[slot]) yield this.#bytes.slice(slot * 32, slot * 32 + 32);
    }
  }

  #insert(id: Uint8Array): boolean {
    const view = new DataView(id.buffer, id.byteOffset, id.length);
    let slot = view.getUint32(4) & (this.#capacity - 1);
    while (this.#used[slot]) {
      if (Buffer.compare(this.#bytes.subarray(slot * 32, slot * 32 + 32), id) === 0) return false;
      slot = (slot + 1) & (this.#capacity - 1);
    }
    this.#used[slot] = 1;
    this.#bytes.set(id, slot * 32);
    return true;
  }

  #grow(): void {
    const ids = [...this];
    this.#capacity *= 2;
    this.#bytes = new Uint8Array(this.#capacity * 32);
    this.#used = new Uint8Array(this.#capacity);
    for (const id of ids) this.#insert(id);
  }
}
