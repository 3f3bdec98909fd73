/**
 * RequestTable: a row a request; choosing one shows its blocks, and its block table as
 * a line of numbered squares. Rows are kept and changed in place.
 */

import { GroupKind } from "./frame.js";
import { groupName, isPlain } from "./groups.js";
import { plural, requestName, requestWords } from "./words.js";

const MAX_ROWS = 40;
const MAX_SQUARES = 160;

export class RequestTable {
  /** Short id of the chosen request; null: none. */
  chosen = null;
  /** Index of the KV-cache group whose table is shown; null: all. */
  group = null;

  #parts;
  #rows = new Map();
  #onChoose;
  #onPoint;
  #lineKey = "";
  #groups = [];

  /**
   * @param {{body: Element, note: Element, block: Element, title: Element,
   *   line: Element, words: Element}} parts
   * @param {{choose: (shortId: number|null) => void,
   *   point: (blockId: number|null) => void,
   *   textOf: (shortId: number, logicalIndex: number, blockSize: number) => string}} on
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
    this.#groups = pool.groups;
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
      String(pool.blocksOf(request).length),
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
    const { words } = this.#parts;
    const isShown = square !== null && this.chosen !== null;
    words.textContent = isShown ? this.#wordsOf(square, textOf) : "";
    words.hidden = words.textContent === "";
  }

  #wordsOf({ dataset }, textOf) {
    const { kind, blockSize } = this.#groups[dataset.group];
    const block = `Logical block ${dataset.index}`;
    if (kind === GroupKind.STATE) {
      return dataset.blockId === "0" ? "" : `${block} holds a state, not tokens: it has no words.`;
    }
    const text = textOf(this.chosen, Number(dataset.index), blockSize);
    return text && `${block}: “${text.replaceAll("\n", "↵")}”`;
  }

  #showBlockTable(pool, request) {
    const { block, title, line } = this.#parts;
    block.hidden = !request;
    if (!request) {
      this.#lineKey = "";
      return;
    }
    const groups = request.tables.map((_, at) => at)
      .filter((at) => this.group === null || at === this.group);
    const states = groups.map((at) => statesOf(pool, request.tables[at])).join("|");
    const key = `${request.shortId} ${this.group} ${states}`;
    if (key === this.#lineKey) return;
    this.#lineKey = key;
    title.textContent = titleOf(pool, request, groups);
    const at = [...line.children].indexOf(document.activeElement);
    line.replaceChildren(...groups.flatMap((group) => rowOf(pool, request.tables[group], group)));
    const first = line.querySelector("[data-block-id]");
    if (first) first.tabIndex = 0;
    if (at >= 0) line.children[at]?.focus();
  }
}

function statesOf(pool, ids) {
  const shown = ids.slice(firstHeld(ids)).slice(0, MAX_SQUARES);
  const states = shown.map((id) => (id ? pool.stateCodes[id] : "-")).join("");
  return `${ids.length} ${shown.at(-1)} ${states}`;
}

/** Logical index of the first block that was not given up. */
function firstHeld(ids) {
  const at = ids.findIndex((id) => id !== 0);
  return at < 0 ? ids.length : at;
}

function titleOf(pool, request, groups) {
  const name = requestName(request.shortId);
  if (isPlain(pool.groups)) {
    return (
      `Block table of ${name}: ${plural(request.blockIds.length, "logical block")} in order, ` +
      "each with its physical id"
    );
  }
  const tables = groups.length > 1 ? "Block tables" : "Block table";
  return `${tables} of ${name}: the logical blocks in order, each with its physical id`;
}

/** One group's table: its name where there are several, what it gave up, its blocks. */
function rowOf(pool, ids, group) {
  const first = firstHeld(ids);
  const shown = ids.slice(first, first + MAX_SQUARES);
  const items = shown.map((id, at) => square(pool, id, first + at, group));
  if (first > 0) items.unshift(note(`${first} given up`, "block-rest is-null"));
  const rest = ids.length - first - shown.length;
  if (rest > 0) items.push(note(`+${rest}`, "block-rest"));
  if (!isPlain(pool.groups)) items.unshift(note(groupName(pool.groups, group), "block-group"));
  return items;
}

function note(text, className) {
  const item = document.createElement("li");
  item.className = className;
  item.textContent = text;
  return item;
}

/** Arrows go from square to square; one of them is reached by Tab. */
function stepOn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const squares = [...event.currentTarget.querySelectorAll("[data-block-id]")];
  const next = squares[squares.indexOf(event.target) + step];
  if (step === undefined || !next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function square(pool, blockId, index, group) {
  const element = document.createElement("li");
  element.tabIndex = -1;
  element.className = `block-square is-${pool.stateOf(blockId)}`;
  element.dataset.blockId = blockId;
  element.dataset.index = index;
  element.dataset.group = group;
  element.textContent = blockId === 0 ? "–" : blockId;
  if (blockId === 0) element.title = "given up";
  return element;
}
