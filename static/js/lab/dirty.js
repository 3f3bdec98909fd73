/**
 * DirtyBlocks: ids of the blocks to repaint, each once, in the order of the marks.
 */

export class DirtyBlocks {
  /** How many there are. */
  length = 0;

  #ids;
  #isMarked;

  constructor(numBlocks) {
    this.#ids = new Uint32Array(numBlocks);
    this.#isMarked = new Uint8Array(numBlocks);
  }

  mark(blockId) {
    if (this.#isMarked[blockId]) return;
    this.#isMarked[blockId] = 1;
    this.#ids[this.length++] = blockId;
  }

  /** Take back all marks but the first ones. */
  keepFirst(number) {
    while (this.length > number) this.#isMarked[this.#ids[--this.length]] = 0;
  }

  /** All marks, which are taken back. The view is valid until the next mark. */
  take() {
    const ids = this.#ids.subarray(0, this.length);
    this.keepFirst(0);
    return ids;
  }
}
