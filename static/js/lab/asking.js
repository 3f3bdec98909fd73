/**
 * Asking: offers a question to the mentor about the block that was clicked or the
 * request that was chosen, and tells the page which they are. Of a live engine only:
 * the mentor answers from what it does now, and a recording is of another time.
 */

import { requestName } from "./words.js";

export class Asking {
  #parts;
  #tell;
  #block = null;
  #request = null;
  #host = null;
  #key = "";

  /**
   * @param {{block: HTMLButtonElement, request: HTMLButtonElement}} parts
   * @param {(name: string, detail: object|null) => void} tell  an event of the page
   */
  constructor(parts, tell) {
    this.#parts = parts;
    this.#tell = tell;
    parts.block.addEventListener("click", () => this.askAboutBlock());
    parts.request.addEventListener("click", () => this.#ask(requestQuestion(this.#request)));
  }

  /** A block was clicked, or is pointed at by keys; null: no more. */
  mark(blockId) {
    this.#block = blockId;
    this.#show();
  }

  /** What is on screen. @param {string|null} host  null: of no live engine
   * @param {number|null} shortId  the request that is chosen */
  see(host, shortId) {
    this.#host = host || null;
    this.#request = shortId;
    this.#show();
  }

  /** Put the question about the marked block. */
  askAboutBlock() {
    if (this.#host !== null && this.#block !== null) this.#ask(blockQuestion(this.#block));
  }

  #ask(question) {
    this.#tell("servelab:ask", { question });
  }

  #show() {
    const key = `${this.#host} ${this.#block} ${this.#request}`;
    if (key === this.#key) return;
    this.#key = key;
    const { block, request } = this.#parts;
    const isLive = this.#host !== null;
    block.hidden = !isLive || this.#block === null;
    request.hidden = !isLive || this.#request === null;
    if (this.#block !== null) block.textContent = `Ask about block ${this.#block}`;
    if (this.#request !== null) {
      request.textContent = `Ask about request ${requestName(this.#request)}`;
    }
    const looking = { host: this.#host, block: this.#block, request: this.#request };
    this.#tell("servelab:looking", isLive ? looking : null);
  }
}

/** The question that the mentor is asked about a block. */
export function blockQuestion(blockId) {
  return `Tell me about block ${blockId}: whose is it?`;
}

/** And about a request. */
export function requestQuestion(shortId) {
  return `What is request ${requestName(shortId)} doing?`;
}
