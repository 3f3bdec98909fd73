/**
 * TextView: the same as the grid, in words; for screen readers, and for anyone.
 *
 * Nothing in it interrupts (no live region but the engine's state): a reader goes
 * there and finds it true as of the last second.
 */

import {
  count,
  finishWords,
  plural,
  poolSentence,
  requestName,
  requestSentence,
  requestsSentence,
} from "./words.js";

const MAX_LISTED = 24;
const MAX_LOG = 12;

export class TextView {
  #parts;
  #log = [];
  #known = new Map();

  /** @param {Record<"pool"|"requests"|"list"|"log"|"minute", Element>} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Note what the last applied frame changed; call it once a frame. */
  note(pool, yours) {
    const name = (id) => `request ${requestName(id)}${yours.has(id) ? " (yours)" : ""}`;
    for (const request of pool.finished) {
      const held = plural(pool.blocksOf(request).length, "block");
      this.#say(`${name(request.shortId)} ${finishWords(request.finish)}; it held ${held}`);
      this.#known.delete(request.shortId);
    }
    for (const request of pool.requests.values()) this.#noteRequest(request, name);
    if (pool.slidOut.length) {
      this.#say(`${plural(pool.slidOut.length, "block")} given up: no layer looks at their tokens again`);
    }
    if (pool.evicted.length) {
      this.#say(`${plural(pool.evicted.length, "cached block")} evicted for new tokens`);
    }
  }

  #noteRequest(request, name) {
    const before = this.#known.get(request.shortId);
    const now = { preemptions: request.numPreemptions, blocks: request.blockIds.length };
    this.#known.set(request.shortId, now);
    if (!before) {
      this.#say(`${name(request.shortId)} arrived with ${plural(request.numPromptTokens, "prompt token")}`);
    }
    if (request.numPreemptions > (before?.preemptions ?? 0)) {
      this.#say(`${name(request.shortId)} was preempted: it gave up its blocks`);
    }
    if (now.blocks && !before?.blocks && request.numCachedTokens) {
      this.#say(
        `${name(request.shortId)} took ${count(request.numCachedTokens)} prompt tokens from the prefix cache`,
      );
    }
  }

  #say(sentence) {
    this.#log.unshift(sentence[0].toUpperCase() + sentence.slice(1) + ".");
    this.#log.length = Math.min(this.#log.length, MAX_LOG);
  }

  /** Forget the past: another engine run or a recording. */
  clear() {
    this.#log = [];
    this.#known.clear();
  }

  /** Write it all down. @param {Map<number, string>} yours label by short id */
  update(pool, yours, series, endMs) {
    const { pool: poolPart, requests, list, log, minute } = this.#parts;
    setText(poolPart, pool.numBlocks ? poolSentence(pool) : "No block is known yet.");
    setText(requests, requestsSentence(pool));
    const live = [...pool.requests.values()].slice(0, MAX_LISTED);
    setItems(list, live.map((one) => requestSentence(pool, one, yours.get(one.shortId))));
    setItems(log, this.#log);
    const rows = series.rows(endMs).map((row) => [
      `${row.agoS}`,
      `${(100 * row.usage).toFixed(1)} %`,
      count(row.running),
      count(row.waiting),
      count(row.rate),
    ]);
    setRows(minute, rows);
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setItems(element, sentences) {
  while (element.children.length > sentences.length) element.lastChild.remove();
  sentences.forEach((sentence, i) => {
    const item = element.children[i] ?? element.appendChild(document.createElement("li"));
    setText(item, sentence);
  });
}

function setRows(body, rows) {
  while (body.children.length > rows.length) body.lastChild.remove();
  rows.forEach((cells, i) => {
    const row = body.children[i] ?? body.appendChild(document.createElement("tr"));
    cells.forEach((text, j) => {
      const cell = row.children[j] ?? row.appendChild(document.createElement("td"));
      cell.className = "is-number";
      setText(cell, text);
    });
  });
}
