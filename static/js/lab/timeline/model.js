/**
 * Timeline: requests as spans of steps, as lab/tracing/timeline.py tells them. Pure.
 */

import { plural, requestName } from "../words.js";

export const KINDS = ["queued", "prefill", "decode", "preempted", "recomputed"];
export const QUEUED = 0;
export const PREFILL = 1;
export const DECODE = 2;
export const PREEMPTED = 3;
const LEAST_STEPS = 8;

export class Timeline {
  /** @param {object} told  the JSON of the recording */
  constructor(told) {
    this.steps = told.steps;
    this.atMs = told.at_ms;
    this.endMs = told.end_ms;
    this.numWaiting = told.num_waiting;
    this.requests = told.requests;
    /** Whether it goes on: of the last minute. */
    this.isLive = told.type === "timeline";
  }

  /** One without steps. */
  static none() {
    return new Timeline({ steps: [], at_ms: [], end_ms: 0, num_waiting: [], requests: [] });
  }

  get numSteps() {
    return this.steps.length;
  }

  /** Number of the last step; -1 where there is none. */
  get lastStep() {
    return this.steps.at(-1) ?? -1;
  }

  /** When step `index` begins, in ms; the end of the recording behind the last. */
  startOf(index) {
    return index < this.numSteps ? this.atMs[Math.max(0, index)] : this.endMs;
  }

  /** Index of the step that was under way at `ms`. */
  stepAt(ms) {
    let low = 0;
    let high = this.numSteps;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.atMs[middle] <= ms) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Index of the step with this number, or of the last before it. */
  indexOf(number) {
    const after = this.steps.findIndex((one) => one > number);
    return Math.max(0, (after === -1 ? this.numSteps : after) - 1);
  }

  /**
   * Who had a part in step `index`, most tokens first.
   * @returns {{id: number, kind: string, tokens: number}[]}
   */
  sharesOf(index) {
    const shares = [];
    for (const { id, spans } of this.requests) {
      const span = spanAt(spans, index);
      if (span && span[3] > 0) shares.push({ id, kind: KINDS[span[0]], tokens: span[3] });
    }
    return shares.sort((one, other) => other.tokens - one.tokens);
  }

  /**
   * The requests that are drawn: of a recording all, so that each keeps its row; of the
   * last minute those with a part in the steps that are seen, or the newest would be far
   * below.
   * @param {Window} window
   */
  rowsIn({ first, count }) {
    if (!this.isLive) return this.requests;
    return this.requests.filter(({ spans }) => spans[0][1] < first + count && spans.at(-1)[2] > first);
  }

  /** One row a request for the table: steps and tokens of each kind. */
  totals() {
    return this.requests.map(({ id, prompt, cached, preemptions, again, finish, spans }) => {
      const steps = KINDS.map(() => 0);
      const tokens = KINDS.map(() => 0);
      for (const [kind, first, end, each] of spans) {
        steps[kind] += end - first;
        tokens[kind] += (end - first) * each;
      }
      return { id, prompt, cached, preemptions, again, finish, steps, tokens };
    });
  }
}

/** The span of a request that step `index` is in; null where it is in none. */
export function spanAt(spans, index) {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle][1] <= index) low = middle + 1;
    else high = middle;
  }
  const span = spans[low - 1];
  return span && index < span[2] ? span : null;
}

/** What part of the steps is seen: zoomed and moved within them. */
export class Window {
  #numSteps;

  /** @param {number} numSteps  @param {number} [count]  so many of the last ones */
  constructor(numSteps, count = numSteps) {
    this.#numSteps = numSteps;
    this.count = Math.min(count, numSteps);
    this.first = numSteps - this.count;
  }

  /** The last of so many steps: as many as here, or where all are seen, all up to `most`
   * at least. */
  grown(numSteps, most) {
    const isWhole = this.count >= this.#numSteps;
    const whole = this.count <= most ? most : numSteps;
    return new Window(numSteps, isWhole ? whole : this.count);
  }

  /** Show `factor` times as many steps; step `around` stays where it is. */
  zoom(factor, around) {
    const least = Math.min(LEAST_STEPS, this.#numSteps);
    const count = Math.min(this.#numSteps, Math.max(least, this.count * factor));
    const share = (around - this.first) / this.count;
    this.count = count;
    this.moveTo(around - share * count);
  }

  moveTo(first) {
    this.first = Math.min(this.#numSteps - this.count, Math.max(0, first));
  }

  /** Move just so far that step `index` is seen. */
  reveal(index) {
    if (index < this.first) this.moveTo(index);
    else if (index + 1 > this.first + this.count) this.moveTo(index + 1 - this.count);
  }
}

/**
 * A sentence on step `index`, and before it one on a request.
 * @param {number} [shortId]  the request under the pointer
 */
export function wordsOf(timeline, index, shortId, most = 6) {
  const shares = timeline.sharesOf(index);
  const request = timeline.requests.find(({ id }) => id === shortId);
  const span = request && spanAt(request.spans, index);
  const own = request ? `Request ${requestName(shortId)}: ${span ? KINDS[span[0]] : "nothing in this step"}. ` : "";
  const total = shares.reduce((sum, { tokens }) => sum + tokens, 0);
  const start = timeline.startOf(index);
  const ms = timeline.isLive ? timeline.endMs - start : start;
  const when = timeline.isLive ? "s before the newest" : "s";
  const named = shares.slice(0, most).map(({ id, kind, tokens }) => `${requestName(id)} ${kind} ${tokens}`);
  if (shares.length > most) named.push(`${shares.length - most} more`);
  const waiting = timeline.numWaiting[index];
  const queue = waiting ? ` · ${waiting} waiting` : "";
  return `${own}Step ${timeline.steps[index]}${timeline.isLive ? "," : " at"} ${(ms / 1000).toFixed(2)}\u202f${when}: ${plural(total, "token")}${queue} · ${named.join(", ")}`;
}
