/**
 * RequestTable: a row a request; choosing one shows its blocks, and its block table as
 * a line of numbered squares. Rows are kept and changed in place.
 */

import { plural, requestName, requestWords } from "./words.js";

const MAX_ROWS = 40;
const MAX_SQUARES = 160;

export class RequestTable {
  /** Short id of the chosen request; null: none. */
  chosen = null;

  #parts;
  #rows = new Map();
  #onChoose;
  #onPoint;
  #lineKey = "";

  /**
   * @param {{body: Element, note: Element, block: Element, title: Element,
   *   line: Element, words: Element}} parts
   * @param {{choose: (shortId: number|null) => void,
   *   point: (blockId: number|null) => void,
   *   textOf: (shortId: number, logicalIndex: number) => string}} on
   */
  constructor(parts, on) {
    this.#parts = parts;
    this.#onChoose = on.choose;
    this.#onPoint = on.point;
    parts.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) this.#toggle(Number(row.dataset.shortId));
    });
    const point = (event) => {
      const square = event.target.closest("li[data-block-id]");
      this.#onPoint(square === null ? null : Number(square.dataset.blockId));
      this.#showWords(square, on.textOf);
    };
    const leave = () => {
      this.#onPoint(null);
      this.#showWords(null, on.textOf);
    };
    for (const name of ["pointerover", "focusin"]) parts.line.addEventListener(name, point);
    for (const name of ["pointerleave", "focusout"]) parts.line.addEventListener(name, leave);
    parts.line.addEventListener("keydown", (event) => stepOn(event));
  }

  /** Show the pool's requests. @param {Map<number, string>} yours label by short id */
  update(pool, yours) {
    if (this.chosen !== null && !pool.requests.has(this.chosen)) this.#toggle(this.chosen);
    const shown = [...pool.requests.values()].slice(0, MAX_ROWS);
    const wanted = new Set(shown.map((request) => request.shortId));
    for (const [shortId, row] of this.#rows) {
      if (wanted.has(shortId)) continue;
      row.element.remove();
      this.#rows.delete(shortId);
    }
    shown.forEach((request, index) => this.#show(pool, request, index, yours));
    this.#note(pool.requests.size, shown.length);
    this.#showBlockTable(pool, pool.requests.get(this.chosen));
  }

  #note(numRequests, numShown) {
    const { note } = this.#parts;
    note.hidden = numRequests > 0 && numRequests === numShown;
    const words = numRequests
      ? `And ${plural(numRequests - numShown, "request")} more.`
      : "No request is in the engine.";
    if (note.textContent !== words) note.textContent = words;
  }

  #show(pool, request, index, yours) {
    const row = this.#rows.get(request.shortId) ?? this.#add(request.shortId);
    const place = pool.waiting.indexOf(request.shortId) + 1;
    const isYours = yours.has(request.shortId);
    const cells = [
      requestWords(request, place),
      String(request.numComputedTokens),
      String(request.numCachedTokens),
      String(request.blockIds.length),
    ];
    cells.forEach((text, i) => {
      if (row.cells[i].textContent !== text) row.cells[i].textContent = text;
    });
    row.element.classList.toggle("is-yours", isYours);
    const label = isYours ? yours.get(request.shortId) || "yours" : "";
    if (row.label.textContent !== label) row.label.textContent = label;
    const isChosen = request.shortId === this.chosen;
    row.element.classList.toggle("is-chosen", isChosen);
    row.button.setAttribute("aria-pressed", String(isChosen));
    const { body } = this.#parts;
    if (body.children[index] !== row.element) {
      body.insertBefore(row.element, body.children[index] ?? null);
    }
  }

  #add(shortId) {
    const element = document.createElement("tr");
    element.dataset.shortId = shortId;
    const head = document.createElement("th");
    head.scope = "row";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "request-name";
    button.textContent = requestName(shortId);
    const label = document.createElement("span");
    label.className = "request-label";
    head.append(button, label);
    const cells = Array.from({ length: 4 }, (_, i) => {
      const cell = document.createElement("td");
      if (i > 0) cell.className = "is-number";
      return cell;
    });
    element.append(head, ...cells);
    const row = { element, button, label, cells };
    this.#rows.set(shortId, row);
    return row;
  }

  #toggle(shortId) {
    this.choose(this.chosen === shortId ? null : shortId);
  }

  /** Let one request's blocks stand out; null: none. */
  choose(shortId) {
    this.chosen = shortId;
    this.#onChoose(shortId);
  }

  /** The words of one's own block below its table. */
  #showWords(square, textOf) {
    const { line, words } = this.#parts;
    const index = square === null ? -1 : [...line.children].indexOf(square);
    const text = index < 0 || this.chosen === null ? "" : textOf(this.chosen, index);
    words.hidden = text === "";
    words.textContent = text && `Logical block ${index}: “${text.replaceAll("\n", "↵")}”`;
  }

  #showBlockTable(pool, request) {
    const { block, title, line } = this.#parts;
    block.hidden = !request;
    if (!request) {
      this.#lineKey = "";
      return;
    }
    const ids = request.blockIds;
    const shown = ids.slice(0, MAX_SQUARES);
    const states = shown.map((id) => pool.stateCodes[id]).join("");
    const key = `${request.shortId} ${ids.length} ${shown.at(-1)} ${states}`;
    if (key === this.#lineKey) return;
    this.#lineKey = key;
    title.textContent =
      `Block table of ${requestName(request.shortId)}: ` +
      `${plural(ids.length, "logical block")} in order, each with its physical id`;
    const at = [...line.children].indexOf(document.activeElement);
    line.replaceChildren(...shown.map((id, index) => square(pool, id, index)));
    if (at >= 0) line.children[at]?.focus();
    if (ids.length > shown.length) {
      const rest = document.createElement("li");
      rest.className = "block-rest";
      rest.textContent = `+${ids.length - shown.length}`;
      line.append(rest);
    }
  }
}

/** Arrows go from square to square; one of them is reached by Tab. */
function stepOn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const next = step === 1 ? event.target.nextElementSibling : event.target.previousElementSibling;
  if (step === undefined || !next?.dataset.blockId) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function square(pool, blockId, index) {
  const element = document.createElement("li");
  element.tabIndex = index === 0 ? 0 : -1;
  element.className = `block-square is-${pool.stateOf(blockId)}`;
  element.dataset.blockId = blockId;
  element.textContent = blockId;
  return element;
}
