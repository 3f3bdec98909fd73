/**
 * Why: the reasons of one request, asked of the engine's host: of the chosen one, or of
 * the learner's newest. Sentences, a table that says the same by blocks, and the words
 * of the learner's own blocks.
 */

import { Unanswered } from "./unanswered.js";

const AGAIN_MS = 2_000;
/** Between two questions: the socket takes two commands a second, of all kinds. */
const SOONEST_MS = 750;
const MAX_KEPT = 32;
/** Of a request that its host has not told of. */
const NOTHING_TOLD = { title: "Why", sentences: [], apart: null, rows: [], bill: "" };

export class Why {
  #parts;
  #ask;
  #host = null;
  #shortId = null;
  #newest = null;
  #askedAt = -Infinity;
  #askedKey = "";
  #askedId = null;
  #unanswered = new Unanswered();
  #told = new Map();

  /**
   * @param {Record<"box"|"title"|"sentences"|"apart"|"table"|"rows"|"bill", Element>} parts
   * @param {(shortId: number) => boolean} ask
   */
  constructor(parts, ask) {
    this.#parts = parts;
    this.#ask = ask;
  }

  /** One of the learner's own requests was heard of, or ended. */
  heard(engineHostId, shortId) {
    if (engineHostId !== this.#host) return;
    if (this.#newest === null || shortId >= this.#newest) this.#newest = shortId;
    this.#askedKey = "";
  }

  /**
   * What is on screen.
   * @param {import("./pool.js").Pool} pool
   * @param {string|null} host  null: nothing of a live engine's present; what was told
   *   of its blocks is kept, so that they have their words while time stands still
   * @param {number|null} chosen  the request that is chosen
   * @param {Iterable<number>} yours  the learner's own that are in the engine
   */
  see(pool, host, chosen, yours, nowMs) {
    if (host === null) {
      this.#shortId = null;
      this.#parts.box.hidden = true;
      return;
    }
    if (host !== this.#host) this.#forget(host);
    for (const shortId of yours) {
      if (this.#newest === null || shortId > this.#newest) this.#newest = shortId;
    }
    this.#shortId = chosen ?? this.#newest;
    if (this.#shortId === null) return;
    const request = pool.requests.get(this.#shortId);
    const key = `${this.#shortId} ${request?.state} ${request?.numCachedTokens}`;
    const mayChange = request !== undefined || this.#unanswered.isOwed;
    const isOld = mayChange && nowMs - this.#askedAt >= AGAIN_MS;
    const isChosenAnew = chosen !== null && chosen !== this.#askedId;
    const isSoon = nowMs - this.#askedAt < SOONEST_MS && !isChosenAnew;
    if ((key !== this.#askedKey || isOld) && !isSoon) {
      this.#askedKey = key;
      this.#askedId = this.#shortId;
      this.#askedAt = nowMs;
      this.#unanswered.asked(this.#ask(this.#shortId), nowMs);
    }
    const silent = this.#unanswered.words(nowMs);
    const told = this.#told.get(this.#shortId) ?? (silent ? NOTHING_TOLD : undefined);
    this.#parts.box.hidden = told === undefined;
    if (told !== undefined) this.#show(silent ? { ...told, sentences: [silent] } : told);
  }

  /** The host's answer. */
  take(message) {
    if (message.engine_host_id !== this.#host) return;
    this.#unanswered.answered();
    this.#told.delete(message.short_id);
    this.#told.set(message.short_id, message);
    if (this.#told.size > MAX_KEPT) this.#told.delete(this.#told.keys().next().value);
    if (message.short_id !== this.#shortId) return;
    this.#parts.box.hidden = false;
    this.#show(message);
  }

  /** The words of a learner's own block of so many tokens; "" where they are not known. */
  textOf(shortId, logicalIndex, blockSize) {
    return this.#told.get(shortId)?.texts[blockSize]?.[logicalIndex] ?? "";
  }

  #forget(host) {
    this.#host = host;
    this.#shortId = this.#newest = null;
    this.#askedKey = "";
    this.#unanswered.answered();
    this.#told.clear();
    this.#parts.box.hidden = true;
  }

  #show(told) {
    const { title, sentences, apart, table, rows, bill } = this.#parts;
    setText(title, told.title);
    setRows(sentences, told.sentences, (text) => element("li", text));
    apart.hidden = told.apart === null;
    if (told.apart !== null) setText(apart, apartWords(told.apart));
    table.hidden = told.rows.length === 0;
    setRows(rows, told.rows, ([blocks, tokens, what]) => {
      const row = document.createElement("tr");
      const head = element("th", blocks);
      head.scope = "row";
      row.append(head, element("td", tokens), element("td", what));
      return row;
    });
    setText(bill, told.bill);
  }
}

/** The words where two of one's own requests go apart. */
export function apartWords({ common, mine, other }) {
  const start = common ? `After “…${shown(common)}” ` : "At its beginning ";
  const theirs = other ? `the other had “${shown(other)}…”` : "the other was at its end";
  const own = mine ? `this one has “${shown(mine)}…”` : "this one is at its end";
  return `${start}${own}, ${theirs}.`;
}

/** Text in one line: ends of lines are seen. */
export function shown(text) {
  return text.replaceAll("\n", "↵");
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Put rows in place of those there are, where they are others. */
function setRows(node, rows, make) {
  const key = JSON.stringify(rows);
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(...rows.map(make));
}
