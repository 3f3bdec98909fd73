/**
 * Heat: hits and age of the blocks in the prefix cache, as an engine's host tells them,
 * and in which of a few levels each block is. Pure.
 *
 * Frames do not carry them: they are asked for, and known as of a step. A block that came
 * into the cache since is not known yet.
 */

import { count, plural } from "./words.js";

/** What a block is drawn as; the levels from LEVEL_1 on, five of them. */
export const SHADE = Object.freeze({ NULL: 0, OUTSIDE: 5, UNKNOWN: 6, LEVEL_1: 7 });
export const NUM_LEVELS = 5;

/** Where each level begins: of hits from there on, of an age in steps below that. */
const LEAST_HITS = [0, 1, 2, 4, 8];
const YOUNGER_THAN = [Infinity, 1_000, 200, 50, 10];

/** Names of the levels, the lowest first. */
export const LEVEL_NAMES = Object.freeze({
  hits: ["no hit", "1", "2 to 3", "4 to 7", "8 and more"],
  age: ["1,000 steps and more", "under 1,000", "under 200", "under 50", "under 10 steps"],
});

export class Heat {
  /** What is shown. @type {"hits"|"age"} */
  by = "hits";
  /** As of which step; null: nothing is known. @type {number|null} */
  step = null;

  #key = "";
  #sinceStep = 0;
  /** block id -> {hits, last} */
  #blocks = new Map();

  /** The message "heat": all blocks, or those that changed since the one before. */
  take({ engine_host_id, engine_run, step, since, since_step, blocks, hits, last }) {
    const key = `${engine_host_id} ${engine_run} ${since_step}`;
    if (since === 0 || key !== this.#key) this.forget();
    if (since > 0 && this.step === null) return;
    this.#key = key;
    this.step = step;
    this.#sinceStep = since_step;
    blocks.forEach((id, at) => this.#blocks.set(id, { hits: hits[at], last: last[at] }));
  }

  forget() {
    this.#blocks.clear();
    this.step = null;
    this.#key = "";
  }

  /** What a block is drawn as, see SHADE. */
  shadeOf(pool, id) {
    if (id === 0) return SHADE.NULL;
    if (!pool.hasHash[id]) return SHADE.OUTSIDE;
    const known = this.#blocks.get(id);
    if (known === undefined) return SHADE.UNKNOWN;
    return SHADE.LEVEL_1 + (this.by === "hits" ? hitLevel(known.hits) : ageLevel(this.step - known.last));
  }

  /** The words of a block's readout; "" where there are none. */
  wordsOf(pool, id) {
    if (id === 0 || this.step === null) return "";
    if (!pool.hasHash[id]) return "not in the prefix cache";
    const known = this.#blocks.get(id);
    if (known === undefined) return "hits not known yet";
    const since = this.#sinceStep > 0 ? ` since step ${count(this.#sinceStep)}` : "";
    const isOlder = since !== "" && known.last <= this.#sinceStep;
    const used = isOlder
      ? "not used since then"
      : `used ${plural(Math.max(0, this.step - known.last), "step")} ago, at step ${count(known.last)}`;
    return `${plural(known.hits, "hit")}${since}, ${used}`;
  }

  /** How many blocks have each shade: by its number. */
  totals(pool) {
    const totals = new Array(SHADE.LEVEL_1 + NUM_LEVELS).fill(0);
    for (let id = 0; id < pool.numBlocks; id++) totals[this.shadeOf(pool, id)]++;
    return totals;
  }
}

function hitLevel(hits) {
  return LEAST_HITS.findLastIndex((least) => hits >= least);
}

function ageLevel(steps) {
  return YOUNGER_THAN.findLastIndex((most) => steps < most);
}
