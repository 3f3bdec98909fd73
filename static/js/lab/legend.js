/**
 * Legend: names each state with its count, and is the filter.
 */

import { BLOCK_STATES } from "./pool.js";
import { count } from "./words.js";

export class Legend {
  #buttons;
  #chosen = new Set();

  /** @param {() => void} onChange */
  constructor(list, onChange) {
    this.#buttons = [...list.querySelectorAll("button[data-state]")];
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-state]");
      if (!button) return;
      const { state } = button.dataset;
      if (!this.#chosen.delete(state)) this.#chosen.add(state);
      button.setAttribute("aria-pressed", String(this.#chosen.has(state)));
      onChange();
    });
  }

  /** What stays bright: state indices and "yours"; null: everything. */
  get filter() {
    if (this.#chosen.size === 0) return null;
    return new Set(
      [...this.#chosen].map((state) => (state === "yours" ? state : BLOCK_STATES.indexOf(state))),
    );
  }

  /** @param {Record<string, number>} totals blocks per state, and "yours" */
  update(totals) {
    for (const button of this.#buttons) {
      const number = button.querySelector("b");
      const text = count(totals[button.dataset.state] ?? 0);
      if (number.textContent !== text) number.textContent = text;
    }
  }
}
