/**
 * HeatView: the switch between states, hits and age of the grid, its legend, and when
 * the host is asked.
 */

import { LEVEL_NAMES, NUM_LEVELS, SHADE } from "./heat.js";
import { Unanswered } from "./unanswered.js";
import { count } from "./words.js";

const AGAIN_MS = 2_000;
const TOTALS_EVERY_MS = 1_000;

export class HeatView {
  #parts;
  #heat;
  #ask;
  #onChange;
  #host = null;
  #askedAt = -Infinity;
  #unanswered = new Unanswered();
  #toldAt = -Infinity;
  /** "state", "hits" or "age" */
  #mode = "state";
  #isKnown = true;

  /**
   * @param {Record<"switch"|"states"|"legend"|"note", HTMLElement>} parts  the radio
   *   buttons; the legend of states; that of levels; a sentence
   * @param {import("./heat.js").Heat} heat
   * @param {{ask: (since: number) => boolean, change: () => void}} on
   */
  constructor(parts, heat, { ask, change }) {
    this.#parts = parts;
    this.#heat = heat;
    this.#ask = ask;
    this.#onChange = change;
    parts.switch.addEventListener("change", (event) => this.#turn(event.target.value));
  }

  /** What the grid is shaded by; null: states. */
  get shown() {
    return this.#mode === "state" || !this.#isKnown ? null : this.#heat;
  }

  /**
   * It is on screen.
   * @param {{host: string|null, lacks: string}} shown  the live engine that is asked;
   *   null: none. A sentence where hits and age are not known of what is shown
   */
  see(pool, { host, lacks }, nowMs) {
    if (host !== this.#host) {
      this.#host = host;
      this.#heat.forget();
      this.#askedAt = -Infinity;
      this.#unanswered.answered();
    }
    this.#say(lacks, nowMs);
    if (this.#mode === "state") return;
    if (host !== null && nowMs - this.#askedAt >= AGAIN_MS) {
      this.#askedAt = nowMs;
      this.#unanswered.asked(this.#ask(this.#heat.step ?? 0), nowMs);
    }
    if (nowMs - this.#toldAt < TOTALS_EVERY_MS || this.shown === null) return;
    this.#toldAt = nowMs;
    this.#fillLegend(pool);
  }

  /** The answer. */
  take(message) {
    this.#unanswered.answered();
    this.#heat.take(message);
    this.#toldAt = -Infinity;
    if (this.#mode !== "state") this.#onChange();
  }

  #turn(mode) {
    this.#mode = mode;
    if (mode !== "state") this.#heat.by = mode;
    this.#toldAt = -Infinity;
    this.#askedAt = -Infinity;
    this.#unanswered.answered();
    this.#showParts();
    this.#onChange();
  }

  #say(lacks, nowMs) {
    const isKnown = lacks === "";
    const wasKnown = this.#isKnown;
    this.#isKnown = isKnown;
    const { note } = this.#parts;
    const words = this.#mode === "state" ? "" : lacks || this.#unanswered.words(nowMs) || this.#asOf();
    if (note.textContent !== words) note.textContent = words;
    if (wasKnown === isKnown) return;
    this.#showParts();
    this.#onChange();
  }

  #asOf() {
    const what = this.#mode === "hits" ? "Admissions that took the block’s content from the cache" : "Steps since the block was cached or hit last";
    const { step } = this.#heat;
    return step === null ? `${what}.` : `${what}, as of step ${count(step)}.`;
  }

  #showParts() {
    const { states, legend, note } = this.#parts;
    const isShown = this.shown !== null;
    states.hidden = isShown;
    legend.hidden = !isShown;
    note.hidden = this.#mode === "state";
  }

  #fillLegend(pool) {
    const totals = this.#heat.totals(pool);
    const names = LEVEL_NAMES[this.#mode];
    const rows = Array.from({ length: NUM_LEVELS }, (_, level) => [
      `swatch-heat-${level + 1}`, names[level], totals[SHADE.LEVEL_1 + level],
    ]);
    rows.push(["swatch-outside", "not cached", totals[SHADE.OUTSIDE]]);
    if (totals[SHADE.UNKNOWN]) rows.push(["swatch-unknown", "not known yet", totals[SHADE.UNKNOWN]]);
    const key = JSON.stringify(rows);
    if (this.#parts.legend.dataset.key === key) return;
    this.#parts.legend.dataset.key = key;
    this.#parts.legend.replaceChildren(...rows.map(rowOf));
  }
}

function rowOf([swatch, name, number]) {
  const row = document.createElement("li");
  const box = document.createElement("span");
  box.className = `swatch ${swatch}`;
  box.setAttribute("aria-hidden", "true");
  const figure = document.createElement("b");
  figure.textContent = count(number);
  row.append(box, `${name} `, figure);
  return row;
}
