/**
 * OwnerLists: which requests' block tables list a block, and at which place.
 */

export const NONE = 0xffffffff;

/** Per block a linked list of (request slot, place), in typed arrays; see Pool. */
export class OwnerLists {
  #unused = NONE;
  #size = 0;

  constructor(numBlocks, capacity = 0) {
    this.head = new Uint32Array(numBlocks).fill(NONE);
    this.#allocate(Math.max(1024, capacity + (capacity >>> 2)));
  }

  #allocate(capacity) {
    for (const name of ["next", "slot", "index"]) {
      const grown = new Uint32Array(capacity);
      if (this[name]) grown.set(this[name]);
      this[name] = grown;
    }
  }

  add(block, slot, index) {
    let entry = this.#unused;
    if (entry === NONE) {
      if (this.#size === this.next.length) this.#allocate(2 * this.#size);
      entry = this.#size++;
    } else {
      this.#unused = this.next[entry];
    }
    this.slot[entry] = slot;
    this.index[entry] = index;
    this.next[entry] = this.head[block];
    this.head[block] = entry;
  }

  remove(block, slot) {
    let before = NONE;
    let entry = this.head[block];
    while (entry !== NONE && this.slot[entry] !== slot) {
      before = entry;
      entry = this.next[entry];
    }
    if (entry === NONE) return;
    if (before === NONE) this.head[block] = this.next[entry];
    else this.next[before] = this.next[entry];
    this.next[entry] = this.#unused;
    this.#unused = entry;
  }
}
