/**
 * CacheView: shared beginnings as a tree, the queue of eviction candidates, and what the
 * last evictions were chosen from. Asked of the engine's host while it is looked at.
 */

import { Unanswered } from "./unanswered.js";

const AGAIN_MS = 2_000;

export class CacheView {
  #parts;
  #ask;
  #askedAt = -Infinity;
  #unanswered = new Unanswered();
  #host;

  /**
   * @param {Record<"note"|"tree"|"candidates"|"choices", Element>} parts
   * @param {{ask: () => boolean, point: (blockId: number|null) => void}} on
   */
  constructor(parts, on) {
    this.#parts = parts;
    this.#ask = on.ask;
    for (const body of [parts.tree, parts.candidates, parts.choices]) {
      const point = (event) => {
        const row = event.target.closest("tr");
        on.point(row ? Number(row.dataset.block) : null);
      };
      body.addEventListener("pointerover", point);
      body.addEventListener("focusin", point);
      body.addEventListener("pointerleave", () => on.point(null));
      body.addEventListener("focusout", () => on.point(null));
    }
  }

  /** It is on screen. @param {string|null} host  null: of no live engine */
  see(host, nowMs) {
    if (host !== this.#host) {
      this.#host = host;
      this.#askedAt = -Infinity;
      this.#unanswered.answered();
      this.#show({ tree: [], candidates: [], choices: [] });
      this.#parts.note.textContent = host === null ? "This needs a live engine." : "";
    }
    if (host === null || nowMs - this.#askedAt < AGAIN_MS) return;
    this.#askedAt = nowMs;
    this.#unanswered.asked(this.#ask(), nowMs);
    const silent = this.#unanswered.words(nowMs);
    if (silent) this.#parts.note.textContent = silent;
  }

  /** The host's answer. @param {string} lacks  what a recording does not tell, in a sentence */
  take(message, lacks = "") {
    if (message.engine_host_id !== this.#host) return;
    this.#unanswered.answered();
    const step = `As of step ${message.step.toLocaleString("en")}.`;
    this.#parts.note.textContent = [step, message.lacks, lacks].filter(Boolean).join(" ");
    this.#show(message);
  }

  #show({ tree, candidates, choices }) {
    fill(this.#parts.tree, tree);
    fill(this.#parts.candidates, candidates);
    fill(this.#parts.choices, choices);
  }
}

/** Put rows in place of those there are, where they are others. */
function fill(body, rows) {
  const key = JSON.stringify(rows);
  if (body.dataset.key === key) return;
  body.dataset.key = key;
  body.replaceChildren(...rows.map(rowOf));
}

function rowOf({ block, cells, depth }) {
  const row = document.createElement("tr");
  row.dataset.block = block;
  row.tabIndex = 0;
  const texts = depth === undefined ? [String(block), ...cells] : cells;
  texts.forEach((text, index) => {
    const cell = document.createElement(index === 0 ? "th" : "td");
    if (index === 0) cell.scope = "row";
    cell.textContent = index === 0 && depth ? `${"· ".repeat(depth)}${text}` : text;
    row.append(cell);
  });
  return row;
}
