/**
 * Readouts: words, figures and charts, brought up to date a few times a second.
 */

import { noDemoWords } from "./header.js";
import { requestName, requestWords } from "./words.js";

const EVERY_MS = 200;
const TEXT_EVERY_MS = 1_000;

export class Readouts {
  /** What is wrong with the connection; "" when nothing is. */
  connection = "connecting";
  /** Whether a class looks on: nobody's requests stand out. */
  isPublic = false;
  /** Colours of the charts. */
  palette;

  #views;
  #yours;
  #status;
  #recording;
  #wordsAt = -Infinity;
  #textAt = -Infinity;
  #arrivedAtMs = 0;

  /**
   * @param {object} views  see main.js
   * @param {object} palette
   * @param {{yours: () => Map<number, string>, status: () => object|null,
   *   recording: () => object|null}} shown
   */
  constructor(views, palette, { yours, status, recording }) {
    this.#views = views;
    this.palette = palette;
    this.#yours = yours;
    this.#status = status;
    this.#recording = recording;
    setInterval(() => this.#beat(), EVERY_MS);
  }

  /** A frame has come: the charts' right edge is its time. */
  noteArrival() {
    this.#arrivedAtMs = Date.now();
  }

  /** Bring them up to date at the next beat. */
  hurry() {
    this.#wordsAt = -Infinity;
  }

  #beat() {
    if (document.hidden) return;
    if (performance.now() - this.#wordsAt >= EVERY_MS - 20) this.update();
  }

  /** Bring them up to date now. */
  update() {
    const now = performance.now();
    this.#wordsAt = now;
    const { stage, table, legend, time, grid, tabs, textView, reasons } = this.#views;
    const { pool } = stage;
    const yours = this.#yours();
    this.#updateHeader();
    if (tabs.shown === "view-requests") table.update(pool, yours);
    this.#views.groups.update(pool);
    legend.update({ ...pool.totals, yours: numBlocksOf(pool, yours) });
    reasons.see({ shown: tabs.shown, recording: this.#recording(), yours: this.isPublic ? null : yours }, now);
    grid.refreshTag();
    time.update();
    this.#updateCharts();
    this.#updateMemory();
    this.#views.hosts?.update(this.#views.engines, stage, this.palette);
    if (tabs.shown === "view-words" && now - this.#textAt >= TEXT_EVERY_MS - 20) {
      this.#textAt = now;
      textView.update(pool, yours, stage.shownSeries, this.#endMs);
    }
  }

  #updateHeader() {
    const { engines, header, source, demos, experiments, stage } = this.#views;
    const status = this.#status();
    const recording = stage.mode === "recorded" ? stage.player.header : null;
    header.update(status, engines.hostNowS(status, Date.now()), {
      connection: this.connection,
      trouble: engines.trouble ?? (recording ? null : stage.refusal),
      recording,
    });
    const recordingId = this.#recording()?.id;
    const shown = recordingId ? `recording:${recordingId}` : `live:${status?.engine_host_id ?? ""}`;
    source.update(engines.all, shown);
    const why = this.#whyNoDemo(status, recording);
    demos.allow(why || noDemoWords(status));
    experiments?.allow(why);
  }

  #whyNoDemo(status, recording) {
    if (recording) return "This is a recording: these need a live engine.";
    if (this.connection) return "The page is not connected yet.";
    if (!status) return "No engine answers yet.";
    return status.state === "ready" ? "" : `The engine is not ready: ${status.state}.`;
  }

  /** Time at the right edge of the charts: goes on while an idle engine sends nothing. */
  get #endMs() {
    const { stage } = this.#views;
    const newest = stage.shownSeries.samples.at(-1)?.timeMs ?? 0;
    if (stage.mode === "recorded") return newest;
    return newest + Math.max(0, Date.now() - this.#arrivedAtMs);
  }

  #updateCharts() {
    const { stage, charts, figures, handle } = this.#views;
    const series = stage.shownSeries;
    const endMs = this.#endMs;
    const atMs = stage.mode === "past" ? stage.pastMs : null;
    const samples = series.until(endMs);
    for (const chart of charts) chart.draw(samples, endMs, atMs, this.palette);
    const sample = series.at(atMs ?? endMs);
    const rate = series.rateAt(atMs ?? endMs);
    setText(figures.usage, sample ? `${(100 * sample.usage).toFixed(1)} %` : "–");
    setText(figures.running, sample ? String(sample.running) : "–");
    setText(figures.waiting, sample ? String(sample.waiting) : "–");
    setText(figures.rate, sample ? String(Math.round(rate)) : "–");
    const { totals, numBlocks } = stage.pool;
    handle.update({
      used: totals.used + totals.shared,
      all: Math.max(0, numBlocks - 1),
      rate,
      yours: this.#yoursWords(),
    });
  }

  /** The newest of the learner's requests: "yours a3f: waiting (2)". */
  #yoursWords() {
    const { pool } = this.#views.stage;
    const own = [...this.#yours().keys()].reverse().find((id) => pool.requests.has(id));
    if (own === undefined) return "";
    const place = pool.waiting.indexOf(own) + 1;
    return `yours ${requestName(own)}: ${requestWords(pool.requests.get(own), place)}`;
  }

  #updateMemory() {
    const { stage, engines, memory, tabs } = this.#views;
    if (tabs.shown !== "view-memory") return;
    memory.update(
      stage.mode === "recorded"
        ? stage.player.memory
        : engines.memoryOf(stage.live.engineHostId ?? this.#status()?.engine_host_id),
    );
  }
}

function numBlocksOf(pool, yours) {
  const blocks = new Set();
  for (const shortId of yours.keys()) {
    const request = pool.requests.get(shortId);
    for (const id of request ? pool.blocksOf(request) : []) blocks.add(id);
  }
  return blocks.size;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
