/**
 * Handle: opens and closes the instrument where it is folded (narrow screens), and
 * shows its live figures all the time.
 */

import { isOfInputMethod } from "../composing.js";
import { count } from "./words.js";

export class Handle {
  #parts;

  /** @param {Record<"panel"|"toggle"|"blocks"|"rate"|"yours", HTMLElement>} parts */
  constructor(parts) {
    this.#parts = parts;
    parts.toggle.addEventListener("click", () => this.open(!this.isOpen));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || isOfInputMethod(event)) return;
      if (this.isOpen && parts.panel.contains(document.activeElement)) {
        this.open(false);
        parts.toggle.focus();
      }
    });
    for (const link of document.querySelectorAll('a[href="#instrument"], a[href="#mentor"]')) {
      link.addEventListener("click", () => this.open(true));
    }
  }

  get isOpen() {
    return this.#parts.panel.classList.contains("is-open");
  }

  open(isOpen) {
    this.#parts.panel.classList.toggle("is-open", isOpen);
    this.#parts.toggle.setAttribute("aria-expanded", String(isOpen));
    document.documentElement.classList.toggle("has-open-instrument", isOpen);
  }

  /** @param {{used: number, all: number, rate: number, yours: string}} figures */
  update({ used, all, rate, yours }) {
    const { blocks, rate: ratePart, yours: yoursPart } = this.#parts;
    const share = all ? `${count(used)} of ${count(all)}` : "–";
    if (blocks.textContent !== share) blocks.textContent = share;
    const tokens = all ? count(rate) : "–";
    if (ratePart.textContent !== tokens) ratePart.textContent = tokens;
    yoursPart.hidden = !yours;
    if (yoursPart.textContent !== yours) yoursPart.textContent = yours;
  }
}
