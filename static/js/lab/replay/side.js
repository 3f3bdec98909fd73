/**
 * Side: one recording in the instrument, shown as of a moment.
 */

import { ask } from "../../answers.js";
import { StripChart } from "../charts.js";
import { CacheView } from "../cache_view.js";
import { GroupSwitch } from "../groups.js";
import { Grid } from "../grid.js";
import { Heat } from "../heat.js";
import { HeatView } from "../heat_view.js";
import { Player } from "../history.js";
import { Legend } from "../legend.js";
import { cacheParts, heatParts, whyParts } from "../parts.js";
import { RecordedReasons, fetchJson } from "../recorded_reasons.js";
import { RequestTable } from "../table.js";
import { Why } from "../why.js";
import { endedWords, sampleAt, samplesOf, thinned } from "./overview.js";

const NOBODY = new Map();
const WORDS_EVERY_MS = 150;

export class Side {
  /** @type {Player|null} null until it is loaded */
  player = null;

  #root;
  #palette;
  #grid;
  #groups;
  #legend;
  #table;
  #charts;
  #heat;
  #reasons;
  #samples = [];
  #points = [];
  #isWhole = true;
  #toldAt = -Infinity;

  /** @param {() => void} onChange  it wants to be drawn again */
  constructor(root, palette, onChange) {
    this.#root = root;
    this.#palette = palette;
    const again = () => {
      this.#isWhole = true;
      this.#toldAt = -Infinity;
      onChange();
    };
    const names = ["box", "pan", "canvas", "cursor", "tag", "empty", "zoomIn", "zoomOut"];
    const parts = Object.fromEntries(names.map((name) => [name, this.#part(name)]));
    this.#grid = new Grid(parts, palette, again, { mark: () => {}, ask: () => {} });
    this.#groups = new GroupSwitch(this.#part("groups"), again);
    this.#legend = new Legend(this.#part("legend"), again);
    const tableParts = ["body", "note", "block", "title", "line"].map((name) => [name, this.#part(name)]);
    this.#table = new RequestTable(Object.fromEntries(tableParts), {
      choose: again,
      point: (blockId) => this.#grid.point(blockId),
    });
    this.#charts = stripCharts((name) => this.#part(name));
    this.#makeReasons(again);
  }

  #makeReasons(again) {
    const { prefix } = this.#root.dataset;
    const nobody = () => {};
    const why = new Why(whyParts(prefix), nobody);
    const cache = new CacheView(cacheParts(prefix), {
      ask: nobody, point: (blockId) => this.#grid.point(blockId),
    });
    const parts = heatParts(prefix, this.#part("legend"));
    this.#heat = new HeatView(parts, new Heat(), { ask: nobody, change: again });
    this.#reasons = new RecordedReasons({ why, cache, heat: this.#heat }, async (url) => {
      const told = await fetchJson(url);
      setTimeout(again);
      return told;
    });
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  /** Fetch the frames; tells in the page where that fails. Returns whether it is there. */
  async load() {
    try {
      const answer = await ask(this.#root.dataset.framesUrl);
      this.player = new Player(await answer.arrayBuffer());
    } catch (error) {
      const fault = this.#part("fault");
      fault.textContent = error.message;
      fault.hidden = false;
      this.#part("empty").textContent = "Nothing to show.";
      return false;
    }
    this.#samples = samplesOf(this.player.frames);
    this.#points = thinned(this.#samples);
    return true;
  }

  /** Where the axes of its charts end, by themselves. */
  get tops() {
    return this.#charts.map((chart) => chart.topOf(this.#points));
  }

  /** Draw its charts over so much time, up to these tops. */
  align({ spanMs, tops }) {
    this.#charts.forEach((chart, at) => Object.assign(chart, { spanMs, leastTop: tops[at] }));
  }

  /** Other colours. */
  recolour(palette) {
    this.#palette = palette;
    this.#grid.recolour(palette);
    this.#isWhole = true;
    this.#toldAt = -Infinity;
  }

  /** Whether blocks flash and fade. */
  allowMotion(isAllowed) {
    this.#grid.allowMotion(isAllowed);
  }

  /**
   * Show the moment `positionMs` after the start.
   * @returns {boolean} whether blocks still move
   */
  show(positionMs, nowMs, isStanding) {
    if (!this.player) return false;
    this.player.seek(positionMs);
    const { pool } = this.player;
    this.#grid.keepBright(this.#legend.filter);
    this.#grid.shade(this.#heat.shown);
    this.#grid.keepGroup(this.#groups.chosen);
    this.#table.group = this.#groups.chosen;
    const chosen = pool.requests.get(this.#table.chosen);
    this.#grid.mark([], chosen ? pool.blocksOf(chosen) : null);
    const isMoving = this.#grid.draw(pool, this.#isWhole, nowMs);
    this.#isWhole = false;
    if (isStanding || nowMs - this.#toldAt >= WORDS_EVERY_MS) {
      this.#toldAt = nowMs;
      this.#tell(pool, positionMs);
      this.#reasons.see(pool, this.#root.dataset.reasonsUrl, this.#table.chosen, isStanding, nowMs);
      this.#heat.see(pool, { host: null, lacks: this.#reasons.lacks }, nowMs);
    }
    return isMoving;
  }

  #tell(pool, askedMs) {
    this.#groups.update(pool);
    this.#legend.update(pool.totals);
    this.#table.update(pool, NOBODY);
    this.#grid.refreshTag();
    const { startMs, durationMs, positionMs } = this.player;
    const atMs = startMs + positionMs;
    for (const chart of this.#charts) {
      chart.draw(this.#points, startMs + chart.spanMs, startMs + askedMs, this.#palette, startMs + durationMs);
    }
    const ended = endedWords(askedMs, durationMs);
    this.#set("ended", ended);
    const sample = ended ? null : sampleAt(this.#samples, atMs);
    this.#set("usageNow", sample ? `${(100 * sample.usage).toFixed(1)} %` : "–");
    this.#set("runningNow", sample ? String(sample.running) : "–");
    this.#set("waitingNow", sample ? String(sample.waiting) : "–");
    this.#set("rateNow", sample ? String(Math.round(sample.rate)) : "–");
  }

  #set(name, words) {
    const part = this.#part(name);
    if (part.textContent !== words) part.textContent = words;
  }
}

function stripCharts(part) {
  return [
    new StripChart(
      part("usage"),
      [{ value: (sample) => 100 * sample.usage, role: "used", isFilled: true }],
      { leastTop: 100, unit: (top) => `${top} %` },
    ),
    new StripChart(
      part("requests"),
      [
        { value: (sample) => sample.running, role: "ink" },
        { value: (sample) => sample.waiting, role: "warning", dash: [2, 2] },
      ],
      { leastTop: 4, unit: (top) => String(top) },
    ),
    new StripChart(
      part("rate"),
      [{ value: (sample) => sample.rate, role: "link", isFilled: true }],
      { leastTop: 50, unit: (top) => String(top) },
    ),
  ];
}
